-- The life of an execution: ready, leased, scheduled or final, and what it is apart from that.
-- A row of jobs.executions is written once; where its seq stands elsewhere is its status.
-- Times are milliseconds since the Unix epoch. Texts sort by their bytes on every server.

-- What was asked for. `seq` orders the feed and is never used again. No update and hardly a delete
-- comes here, so its pages are filled to the brim, and it is frozen in passing.
CREATE TABLE jobs.executions (
    seq            bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid     NOT NULL UNIQUE,
    created_at     bigint   NOT NULL,
    run_at         bigint   NOT NULL,
    timeout_ms     bigint,
    max_attempts   bigint   NOT NULL,
    priority       smallint NOT NULL,
    job_id         text     COLLATE "C" NOT NULL,
    queue          text     COLLATE "C" NOT NULL,
    retry          text     COLLATE "C" NOT NULL,
    triggered_by   text     COLLATE "C" NOT NULL,
    correlation_id text     COLLATE "C",
    item_id        text     COLLATE "C",
    created_by     text     COLLATE "C",
    tags           text[]   COLLATE "C",
    parent_id      uuid,
    trace_parent   text     COLLATE "C",
    payload        text     COLLATE "C" NOT NULL
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX executions_by_job ON jobs.executions (job_id, seq);
CREATE INDEX executions_by_item ON jobs.executions (item_id, seq) WHERE item_id IS NOT NULL;
CREATE INDEX executions_by_correlation ON jobs.executions (correlation_id, seq)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_by_creator ON jobs.executions (created_by, seq)
    WHERE created_by IS NOT NULL;

-- Queued: what workers may take. `rank` is 100 - priority, `attempt` the number that the next
-- attempt gets, `spent` the budget used so far. The primary key is the order of claims over all
-- queues; the other index finds the heads of single queues and jobs. Rows are never updated, so
-- that a locked row stays where it is. What comes here goes: vacuum early and without pauses.
CREATE TABLE jobs.ready (
    seq     bigint   NOT NULL,
    rank    smallint NOT NULL,
    attempt integer  NOT NULL,
    spent   integer  NOT NULL,
    queue   text     COLLATE "C" NOT NULL,
    job_id  text     COLLATE "C" NOT NULL,
    PRIMARY KEY (rank, seq)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);
CREATE INDEX ready_by_queue_and_job ON jobs.ready (queue, job_id, rank, seq);

-- Pending: delayed, or waiting for a retry. Rows are never updated either.
CREATE TABLE jobs.scheduled (
    seq     bigint  PRIMARY KEY,
    run_at  bigint  NOT NULL,
    attempt integer NOT NULL,
    spent   integer NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX scheduled_by_time ON jobs.scheduled (run_at, seq);

-- Running: attempts and the sessions that hold them. There are only as many as the fleet executes
-- at once, so that what is rare (taking over, finding a claim again) may scan. `executed_by` is the
-- session that ran the attempt when another has taken the lease over. Updates (progress, requests
-- to cancel, taking over) touch no index and find room on the row's own page.
CREATE TABLE jobs.leases (
    seq                 bigint  PRIMARY KEY,
    session             bigint  NOT NULL,
    claim               bigint  NOT NULL,
    claimed_at          bigint  NOT NULL,
    executed_by         bigint,
    cancel_requested_at bigint,
    attempt             integer NOT NULL,
    spent               integer NOT NULL,
    progress            smallint NOT NULL DEFAULT 0,
    progress_message    text    COLLATE "C"
) WITH (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);

-- One start of one worker. Closed ones stay: attempts name them. `last_claim` is the highest number
-- of a claim that took something, which is how a repeated claim is recognised. `job_ids` are the
-- ids that it claims, `queues` those it takes from (none stands for all), `labels` what it calls
-- itself; NULL when its program did not tell. `last_beat` and `renewed_at` are those that a session
-- stood still at when it was taken over.
CREATE TABLE jobs.sessions (
    id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    last_claim bigint  NOT NULL DEFAULT 0,
    opened_at  bigint  NOT NULL,
    closed_at  bigint,
    last_beat  bigint,
    renewed_at bigint,
    worker     text    COLLATE "C" NOT NULL,
    job_ids    text[]  COLLATE "C",
    queues     text[]  COLLATE "C",
    labels     text[]  COLLATE "C"
) WITH (fillfactor = 50);

-- That an open session lives: one row for each, gone when it closes. Apart from the session, so
-- that a renewal never waits for a claim.
CREATE TABLE jobs.beats (
    session    bigint PRIMARY KEY,
    beat       bigint NOT NULL DEFAULT 0,
    renewed_at bigint NOT NULL
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
);

-- Final: how an execution ended, and the record of the attempt that it ended with. `outcome` is
-- NULL when it ended without one, cancelled while it waited; `attempt` is then the last number.
CREATE TABLE jobs.outcomes (
    seq              bigint   PRIMARY KEY,
    finished_at      bigint   NOT NULL,
    started_at       bigint,
    session          bigint,
    executed_by      bigint,
    attempt          integer  NOT NULL,
    progress         smallint NOT NULL DEFAULT 0,
    status           text     COLLATE "C" NOT NULL,
    outcome          text     COLLATE "C",
    error_kind       text     COLLATE "C",
    error_message    text     COLLATE "C",
    progress_message text     COLLATE "C",
    result           text     COLLATE "C"
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX outcomes_unsuccessful ON jobs.outcomes (status, seq) WHERE status <> 'succeeded';

-- Attempts that were followed by others.
CREATE TABLE jobs.attempts (
    seq              bigint   NOT NULL,
    attempt          integer  NOT NULL,
    progress         smallint NOT NULL DEFAULT 0,
    session          bigint   NOT NULL,
    executed_by      bigint,
    started_at       bigint   NOT NULL,
    finished_at      bigint   NOT NULL,
    retry_at         bigint,
    outcome          text     COLLATE "C" NOT NULL,
    error_kind       text     COLLATE "C",
    error_message    text     COLLATE "C",
    progress_message text     COLLATE "C",
    result           text     COLLATE "C",
    PRIMARY KEY (seq, attempt)
) WITH (fillfactor = 100);

-- What handlers logged, in the order of their attempts and lines. The primary key makes a line that
-- is written again the same line. `level` is OpenTelemetry's severity, `fields` a JSON object.
CREATE TABLE jobs.logs (
    seq     bigint   NOT NULL,
    at      bigint   NOT NULL,
    attempt integer  NOT NULL,
    line    integer  NOT NULL,
    level   smallint NOT NULL,
    target  text     COLLATE "C" NOT NULL,
    message text     COLLATE "C" NOT NULL,
    fields  text     COLLATE "C",
    PRIMARY KEY (seq, attempt, line)
) WITH (fillfactor = 100);

-- Keys that create at most one execution per job until they expire.
CREATE TABLE jobs.idempotency_keys (
    job_id         text   COLLATE "C" NOT NULL,
    key            text   COLLATE "C" NOT NULL,
    execution_id   uuid   NOT NULL,
    created_at     bigint NOT NULL,
    expires_at     bigint NOT NULL,
    payload_digest text   COLLATE "C" NOT NULL,
    PRIMARY KEY (job_id, key)
);
CREATE INDEX idempotency_keys_by_execution ON jobs.idempotency_keys (execution_id);

-- What programs have published: a row per version of a job.
CREATE TABLE jobs.catalogue (
    job_id       text   COLLATE "C" NOT NULL,
    fingerprint  text   COLLATE "C" NOT NULL,
    published_at bigint NOT NULL,
    descriptor   text   COLLATE "C" NOT NULL,
    PRIMARY KEY (job_id, fingerprint)
);

-- Names this layout, wherever it is: a transaction is on this database if it reads the same name.
CREATE TABLE jobs.installation (id uuid NOT NULL);
INSERT INTO jobs.installation (id) VALUES (gen_random_uuid());
