-- What explains an execution: its log, and what workers execute.

-- What handlers logged, in the order of their attempts and lines. The primary key makes a line that
-- is written again the same line. `level` is OpenTelemetry's severity, `fields` a JSON object.
CREATE TABLE jobs_logs (
    seq     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    line    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    target  TEXT    NOT NULL,
    message TEXT    NOT NULL,
    fields  TEXT,
    PRIMARY KEY (seq, attempt, line)
) WITHOUT ROWID;

-- The ids of the jobs that a session claims and the queues it takes from, as JSON arrays; NULL when
-- it was opened by a program that did not tell. No queue stands for every queue.
ALTER TABLE jobs_sessions ADD COLUMN job_ids TEXT;
ALTER TABLE jobs_sessions ADD COLUMN queues TEXT;
