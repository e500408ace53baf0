-- The life of an execution: ready, leased, scheduled or final, and what it is apart from that.
-- A row of jobs_executions is written once; where its seq stands elsewhere is its status.
-- Times are milliseconds since the Unix epoch.

-- What was asked for. `seq` orders the feed and is never used again; the payload stands last, so
-- that reading the columns before it does not touch the pages that a long one overflows to.
CREATE TABLE jobs_executions (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    job_id         TEXT    NOT NULL,
    queue          TEXT    NOT NULL,
    priority       INTEGER NOT NULL,
    timeout_ms     INTEGER,
    max_attempts   INTEGER NOT NULL,
    retry          TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    run_at         INTEGER NOT NULL,
    triggered_by   TEXT    NOT NULL,
    correlation_id TEXT,
    item_id        TEXT,
    created_by     TEXT,
    tags           TEXT,
    parent_id      BLOB,
    trace_parent   TEXT,
    payload        TEXT    NOT NULL
);
CREATE INDEX jobs_executions_by_job ON jobs_executions (job_id, seq);
CREATE INDEX jobs_executions_by_item ON jobs_executions (item_id, seq)
    WHERE item_id IS NOT NULL;
CREATE INDEX jobs_executions_by_correlation ON jobs_executions (correlation_id, seq)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX jobs_executions_by_creator ON jobs_executions (created_by, seq)
    WHERE created_by IS NOT NULL;

-- Queued: what workers may take, in the order in which they take it. `rank` is 100 - priority,
-- `attempt` the number that the next attempt gets, `spent` the budget used so far.
CREATE TABLE jobs_ready (
    queue   TEXT    NOT NULL,
    rank    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    job_id  TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    spent   INTEGER NOT NULL,
    PRIMARY KEY (queue, rank, seq)
) WITHOUT ROWID;

-- Pending: delayed, or waiting for a retry.
CREATE TABLE jobs_scheduled (
    seq     INTEGER PRIMARY KEY,
    run_at  INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    spent   INTEGER NOT NULL
);
CREATE INDEX jobs_scheduled_by_time ON jobs_scheduled (run_at, seq);

-- Running: attempts and the sessions that hold them. There are only as many as the fleet executes
-- at once, so that what is rare (taking over, finding a claim again) may scan; by seq alone each
-- lease costs one insert and one delete in one tree. `executed_by` is the session that ran the
-- attempt when another has taken the lease over.
CREATE TABLE jobs_leases (
    seq                 INTEGER PRIMARY KEY,
    session             INTEGER NOT NULL,
    claim               INTEGER NOT NULL,
    attempt             INTEGER NOT NULL,
    spent               INTEGER NOT NULL,
    claimed_at          INTEGER NOT NULL,
    executed_by         INTEGER,
    progress            INTEGER NOT NULL DEFAULT 0,
    progress_message    TEXT,
    cancel_requested_at INTEGER
);
CREATE INDEX jobs_leases_by_cancel ON jobs_leases (session)
    WHERE cancel_requested_at IS NOT NULL;

-- One start of one worker. Closed ones stay: attempts name them. `last_claim` is the highest
-- number of a claim that took something, which is how a repeated claim is recognised.
CREATE TABLE jobs_sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    worker     TEXT    NOT NULL,
    beat       INTEGER NOT NULL DEFAULT 0,
    last_claim INTEGER NOT NULL DEFAULT 0,
    opened_at  INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    closed_at  INTEGER
);
CREATE INDEX jobs_sessions_open ON jobs_sessions (id) WHERE closed_at IS NULL;

-- Final: how an execution ended, and the record of the attempt that it ended with. `outcome` is
-- NULL when it ended without one, cancelled while it waited; `attempt` is then the last number.
CREATE TABLE jobs_outcomes (
    seq              INTEGER PRIMARY KEY,
    status           TEXT    NOT NULL,
    finished_at      INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    outcome          TEXT,
    session          INTEGER,
    executed_by      INTEGER,
    started_at       INTEGER,
    error_kind       TEXT,
    error_message    TEXT,
    progress         INTEGER NOT NULL DEFAULT 0,
    progress_message TEXT,
    result           TEXT
);
CREATE INDEX jobs_outcomes_unsuccessful ON jobs_outcomes (status, seq)
    WHERE status <> 'succeeded';

-- Attempts that were followed by others.
CREATE TABLE jobs_attempts (
    seq              INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    outcome          TEXT    NOT NULL,
    session          INTEGER NOT NULL,
    executed_by      INTEGER,
    started_at       INTEGER NOT NULL,
    finished_at      INTEGER NOT NULL,
    retry_at         INTEGER,
    error_kind       TEXT,
    error_message    TEXT,
    progress         INTEGER NOT NULL DEFAULT 0,
    progress_message TEXT,
    result           TEXT,
    PRIMARY KEY (seq, attempt)
) WITHOUT ROWID;

-- Keys that create at most one execution per job until they expire.
CREATE TABLE jobs_idempotency_keys (
    job_id         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    execution_id   BLOB    NOT NULL,
    payload_digest TEXT    NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (job_id, key)
) WITHOUT ROWID;

-- What programs have published: a row per version of a job.
CREATE TABLE jobs_catalogue (
    job_id       TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    descriptor   TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, fingerprint)
) WITHOUT ROWID;
