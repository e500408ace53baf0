-- The layout of a store in a SQLite file.
--
-- An execution's status is the table that holds its `seq`: jobs_ready and jobs_blocked (queued),
-- jobs_scheduled (pending), jobs_leases (running) or jobs_outcomes (final). A row of
-- jobs_executions is written at enqueue and never updated. Times are milliseconds since the Unix
-- epoch. docs/retention.md says for each table what bounds it.

-- One row per execution. `seq` gives the order of listings and is never used again. The payload is
-- the last column, so that reading the columns before it skips its overflow pages. `erased_at` and
-- `erased_by` record the erasure of the payload.
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
    erased_at      INTEGER,
    erased_by      TEXT,
    payload        TEXT    NOT NULL
);
CREATE INDEX jobs_executions_by_job ON jobs_executions (job_id, seq);
CREATE INDEX jobs_executions_by_item ON jobs_executions (item_id, seq)
    WHERE item_id IS NOT NULL;
CREATE INDEX jobs_executions_by_correlation ON jobs_executions (correlation_id, seq)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX jobs_executions_by_creator ON jobs_executions (created_by, seq)
    WHERE created_by IS NOT NULL;
CREATE INDEX jobs_executions_by_parent ON jobs_executions (parent_id, seq)
    WHERE parent_id IS NOT NULL;

-- Queued executions that a worker can claim, in the order of claims. `rank` is 100 - priority.
-- `attempt` is the number of the next attempt. `spent` counts the attempts that used up the budget.
-- `limits` (a JSON array of limit ids) and `admitted_at` are set if the execution has limits. It
-- then holds a permit of each, and its attempt starts no earlier than `admitted_at`.
CREATE TABLE jobs_ready (
    queue       TEXT    NOT NULL,
    rank        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    job_id      TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    spent       INTEGER NOT NULL,
    limits      TEXT,
    admitted_at INTEGER,
    PRIMARY KEY (queue, rank, seq)
) WITHOUT ROWID;

-- Pending executions: delayed, or waiting for a retry.
CREATE TABLE jobs_scheduled (
    seq     INTEGER PRIMARY KEY,
    run_at  INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    spent   INTEGER NOT NULL
);
CREATE INDEX jobs_scheduled_by_time ON jobs_scheduled (run_at, seq);

-- Executions that expire. A row exists until the first attempt starts or the execution ends. At
-- `expires_at` the execution is cancelled.
CREATE TABLE jobs_expirations (
    seq        INTEGER PRIMARY KEY,
    expires_at INTEGER NOT NULL
);
CREATE INDEX jobs_expirations_by_time ON jobs_expirations (expires_at, seq);

-- Running attempts and the sessions that lease them. The table holds only what the fleet runs at
-- once, so a take-over and a repeated claim may scan it. A lease costs one insert and one delete in
-- one tree. `executed_by` is the session that ran the attempt, if another one has taken it over.
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
    cancel_requested_at INTEGER,
    limits              TEXT,
    beat                INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_leases_by_cancel ON jobs_leases (session)
    WHERE cancel_requested_at IS NOT NULL;

-- One row per start of a worker. Closed sessions stay for a time, because attempts name them.
-- `last_claim` is the highest number of a claim that leased something: a claim with a lower or
-- equal number is a repetition. `job_ids` are the jobs that the session claims. `queues` are its
-- queues; an empty array means every queue. These two, `labels`, `slot_caps` and `fingerprints` (of
-- the jobs) are JSON, or NULL if the worker's program does not tell. `lease_ms` is the time without
-- a renewal after which the session is dead. The high 32 bits of `id` are a number, the low ones a
-- nonce. `external` is the program of an external worker (JSON), and `token_digest` the SHA-256
-- digest of the secret in the tokens of its leases; both are NULL for a process with a runtime.
CREATE TABLE jobs_sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    worker     TEXT    NOT NULL,
    beat       INTEGER NOT NULL DEFAULT 0,
    last_claim INTEGER NOT NULL DEFAULT 0,
    opened_at  INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    closed_at  INTEGER,
    job_ids    TEXT,
    queues     TEXT,
    labels     TEXT,
    slot_caps  TEXT,
    lease_ms   INTEGER NOT NULL DEFAULT 30000,
    fingerprints TEXT,
    external   TEXT,
    token_digest TEXT
);
CREATE INDEX jobs_sessions_open ON jobs_sessions (id) WHERE closed_at IS NULL;

-- Final executions, with the record of the last attempt. `outcome` is NULL if the execution was
-- cancelled while it waited; `attempt` is then the last number used.
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

-- Attempts that another attempt followed.
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

-- Log lines of handlers. The primary key makes a repeated write of a line harmless. `level` is
-- OpenTelemetry's severity number, `fields` a JSON object.
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

-- Idempotency keys. Until it expires, a key creates at most one execution per job.
CREATE TABLE jobs_idempotency_keys (
    job_id         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    execution_id   BLOB    NOT NULL,
    payload_digest TEXT    NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (job_id, key)
) WITHOUT ROWID;
CREATE INDEX jobs_idempotency_keys_by_execution ON jobs_idempotency_keys (execution_id);
CREATE INDEX jobs_idempotency_keys_by_expiry ON jobs_idempotency_keys (expires_at);

-- The newest execution under each unique key and each debounce key (`kind`). The execution may have
-- ended: the next enqueue with that key decides by its status.
CREATE TABLE jobs_unique_keys (
    job_id       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    execution_id BLOB NOT NULL,
    PRIMARY KEY (job_id, kind, key)
) WITHOUT ROWID;
CREATE INDEX jobs_unique_keys_by_execution ON jobs_unique_keys (execution_id);

-- Published jobs: one row per job and fingerprint. `renewed_at` is the last time at which a live
-- program that links it said so.
CREATE TABLE jobs_catalogue (
    job_id       TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    descriptor   TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    renewed_at   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, fingerprint)
) WITHOUT ROWID;

-- The identity of this store. A caller's transaction is on this store's file if it reads this id.
-- `moved_to` names the store that its contents were moved to. `unordered_from` and `unordered_to`
-- are the first and the last `seq` of imported executions that are not in the order of their times;
-- NULL if there are none.
CREATE TABLE jobs_installation (
    id             TEXT NOT NULL,
    moved_to       TEXT,
    unordered_from INTEGER,
    unordered_to   INTEGER
);
INSERT INTO jobs_installation (id) VALUES (lower(hex(randomblob(16))));

-- Limits. `stage` is the order in which an execution passes its limits (0, then 1). `in_use` counts
-- the permits of executions that are ready or running. A rate has a period, the interval between
-- two starts in microseconds, and `tat`, the theoretical arrival time of its next start in
-- microseconds; no execution gets its permit before `paused_until`. At `check_at` the allocator
-- looks at the limit: at 0 because a permit came back while executions wait for it.
CREATE TABLE jobs_limits (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key          TEXT    NOT NULL UNIQUE,
    job_id       TEXT    NOT NULL,
    stage        INTEGER NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('concurrent', 'rate')),
    count        INTEGER NOT NULL,
    period_ms    INTEGER,
    interval_us  INTEGER,
    in_use       INTEGER NOT NULL DEFAULT 0,
    tat          INTEGER NOT NULL DEFAULT 0,
    paused_until INTEGER NOT NULL DEFAULT 0,
    check_at     INTEGER
);
CREATE INDEX jobs_limits_by_job ON jobs_limits (job_id);
CREATE INDEX jobs_limits_by_time ON jobs_limits (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX jobs_limits_rates ON jobs_limits (id) WHERE kind = 'rate';

-- Executions with rules that outlive their enqueue. `limits` is a JSON array of limit ids in the
-- order of their stages, or NULL. `capped` is 1 if the job has `max_waiting`.
CREATE TABLE jobs_limited (
    seq    INTEGER PRIMARY KEY,
    limits TEXT,
    capped INTEGER NOT NULL
);

-- Queued executions that wait for a permit. `limit_id` is the limit whose permit is missing, or 0
-- for a new waiter that the allocator has not looked at. `passed` counts the limits whose permit it
-- already holds. `arrived_at` is the time at which it came to this limit, or 0 at its first limit.
CREATE TABLE jobs_blocked (
    seq        INTEGER PRIMARY KEY,
    limit_id   INTEGER NOT NULL,
    rank       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    spent      INTEGER NOT NULL,
    passed     INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_blocked_by_limit ON jobs_blocked (limit_id, rank, arrived_at, seq);

-- Permits of attempts that have ended while their handler still runs. They stay in use until the
-- handler returns or its session ends.
CREATE TABLE jobs_retained_permits (
    seq     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    session INTEGER NOT NULL,
    limits  TEXT    NOT NULL,
    PRIMARY KEY (seq, attempt)
) WITHOUT ROWID;

-- Pending and queued executions of jobs with `max_waiting`.
CREATE TABLE jobs_backlog_entries (
    seq    INTEGER PRIMARY KEY,
    job_id TEXT    NOT NULL
);
CREATE INDEX jobs_backlog_entries_by_job ON jobs_backlog_entries (job_id);

-- Paused queues: claims skip them. `paused_by` and `reason` are for people.
CREATE TABLE jobs_paused_queues (
    queue     TEXT PRIMARY KEY,
    paused_at INTEGER NOT NULL,
    paused_by TEXT,
    reason    TEXT
) WITHOUT ROWID;

-- Dispatch by a broker: ready executions whose message is not published yet. sql/dispatch/start.sql
-- creates the triggers that write and delete the rows. `publish_at` is the time from which a relay
-- publishes the message. `version` counts how often the row was written again.
CREATE TABLE jobs_unpublished (
    queue      TEXT    NOT NULL,
    job_id     TEXT    NOT NULL,
    rank       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 0,
    publish_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, job_id, rank, seq)
) WITHOUT ROWID;

-- Schedules. `rule` and `declared` are JSON: the rule in force, and that of the job's attribute.
-- `payload` is NULL for the job's defaults. Every write raises `revision`. Times until
-- `evaluated_until` have been considered. `due_at` is NULL while a schedule is paused or absent.
CREATE TABLE jobs_schedules (
    name            TEXT    PRIMARY KEY,
    job_id          TEXT    NOT NULL,
    revision        INTEGER NOT NULL,
    rule            TEXT    NOT NULL,
    payload         TEXT,
    declared        TEXT,
    overridden      INTEGER NOT NULL,
    paused_at       INTEGER,
    absent          TEXT,
    evaluated_until INTEGER NOT NULL,
    due_at          INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_schedules_due ON jobs_schedules (due_at) WHERE due_at IS NOT NULL;

-- The last runs of each schedule. A time has one row, so it creates at most one execution. `reason`
-- and `detail` tell why none was created.
CREATE TABLE jobs_schedule_runs (
    schedule     TEXT    NOT NULL,
    time         INTEGER NOT NULL,
    manual       INTEGER NOT NULL,
    fired_at     INTEGER NOT NULL,
    execution_id BLOB,
    reason       TEXT,
    detail       TEXT,
    PRIMARY KEY (schedule, time, manual)
) WITHOUT ROWID;

-- Turns at tasks that one process of the fleet at a time performs. With a holder, `until` is the
-- end of its turn; without one, the end of the task's rest.
CREATE TABLE jobs_turns (
    task   TEXT    PRIMARY KEY,
    holder TEXT,
    until  INTEGER NOT NULL
) WITHOUT ROWID;

-- Access tokens, and the sign-ins of browsers: these name their token as `parent`. `hash` is the
-- SHA-256 of the secret, which is stored nowhere.
CREATE TABLE jobs_tokens (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    hash         BLOB    NOT NULL,
    parent       TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) WITHOUT ROWID;

-- The audit log: acts of operators. `before` and `after` are JSON, without values of payloads.
CREATE TABLE jobs_audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    address TEXT,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    before  TEXT,
    after   TEXT
);
CREATE INDEX jobs_audit_by_time ON jobs_audit (at);

-- Series for charts. Each process writes its own rows (`source`); a row counts what happened in the
-- `width_s` seconds from `at` on. `value` is JSON. A row is deleted after `expires_at`.
CREATE TABLE jobs_series (
    series     TEXT    NOT NULL,
    width_s    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    source     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    UNIQUE (series, width_s, at, source)
);
CREATE INDEX jobs_series_by_expiry ON jobs_series (expires_at);

-- Bulk operations of operators. `request` is JSON: the act and the filter. An operation passes the
-- executions from the newest to the oldest; those with a seq of `position` or more are done or came
-- later. `skipped` is a JSON object: a number of executions for each reason.
CREATE TABLE jobs_operations (
    id          TEXT    PRIMARY KEY,
    request     TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    expected    INTEGER NOT NULL,
    exact       INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    skipped     TEXT    NOT NULL,
    created_by  TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    finished_at INTEGER,
    position    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_operations_running ON jobs_operations (created_at, id)
    WHERE finished_at IS NULL;
