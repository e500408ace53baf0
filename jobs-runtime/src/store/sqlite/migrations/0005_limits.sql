-- What limits hold back, and what makes an execution the same as another. An execution without
-- rules leaves no row here, and NULL in the new columns of jobs_ready and jobs_leases.

-- Limits by their keys. `stage` says whether executions pass it first or second, `granted` how many
-- permits are out, `arrival` when a rate expects its next start, in microseconds, and `look_at` when
-- somebody shall look at it though nothing has happened.
CREATE TABLE jobs_limits (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    key       TEXT    NOT NULL UNIQUE,
    job_id    TEXT    NOT NULL,
    stage     INTEGER NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('concurrent', 'rate')),
    count     INTEGER NOT NULL,
    period_ms INTEGER,
    granted   INTEGER NOT NULL DEFAULT 0,
    arrival   INTEGER NOT NULL DEFAULT 0,
    look_at   INTEGER
);
CREATE INDEX jobs_limits_by_job ON jobs_limits (job_id);
CREATE INDEX jobs_limits_by_time ON jobs_limits (look_at) WHERE look_at IS NOT NULL;

-- Executions with limits: a JSON array of the limits' ids, in the order in which they are passed;
-- NULL for one that is only `capped`, whose job says how many may wait.
CREATE TABLE jobs_limited (
    seq    INTEGER PRIMARY KEY,
    limits TEXT,
    capped INTEGER NOT NULL
);

-- Queued, and without a permit: at the limit whose permit it lacks, or at the door (0) where nobody
-- has looked at it yet. `passed` of its limits have given it one. `rank`, `attempt` and `spent` are
-- as in jobs_ready.
CREATE TABLE jobs_held (
    seq      INTEGER PRIMARY KEY,
    limit_id INTEGER NOT NULL,
    rank     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    spent    INTEGER NOT NULL,
    passed   INTEGER NOT NULL
);
CREATE INDEX jobs_held_by_limit ON jobs_held (limit_id, rank, seq);

-- The permits that are out go with an execution. `last_limit` finds those that are ready by the
-- permit of a limit.
ALTER TABLE jobs_ready ADD COLUMN limits TEXT;
ALTER TABLE jobs_ready ADD COLUMN last_limit INTEGER;
CREATE INDEX jobs_ready_by_limit ON jobs_ready (last_limit, rank, seq)
    WHERE last_limit IS NOT NULL;
ALTER TABLE jobs_leases ADD COLUMN limits TEXT;

-- What became of permits since somebody was let in: `count` attempts started or ended, executions
-- left unused permits, or nothing starts before `at`.
CREATE TABLE jobs_permit_events (
    limit_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    at       INTEGER
);

-- Attempts that have ended and whose handlers still run: their permits stay out.
CREATE TABLE jobs_stuck (
    seq     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    session INTEGER NOT NULL,
    limits  TEXT    NOT NULL,
    PRIMARY KEY (seq, attempt)
) WITHOUT ROWID;

-- Pending and queued executions of jobs that say how many may wait.
CREATE TABLE jobs_waiting (
    seq    INTEGER PRIMARY KEY,
    job_id TEXT    NOT NULL
);
CREATE INDEX jobs_waiting_by_job ON jobs_waiting (job_id);

-- The newest execution under each key by which executions are the same one. `kind` is unique or
-- debounce. What it names may have ended: who brings the key next decides.
CREATE TABLE jobs_unique_keys (
    job_id       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    execution_id BLOB NOT NULL,
    PRIMARY KEY (job_id, kind, key)
) WITHOUT ROWID;
CREATE INDEX jobs_unique_keys_by_execution ON jobs_unique_keys (execution_id);

-- Queues that nothing is claimed from.
CREATE TABLE jobs_paused (
    queue     TEXT PRIMARY KEY,
    paused_at INTEGER NOT NULL
) WITHOUT ROWID;
