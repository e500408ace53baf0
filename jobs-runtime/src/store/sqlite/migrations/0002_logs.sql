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
