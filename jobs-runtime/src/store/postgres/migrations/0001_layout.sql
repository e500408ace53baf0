-- The layout of a store on a PostgreSQL server.
--
-- An execution's status is the table that holds its `seq`: jobs.ready and jobs.blocked (queued),
-- jobs.scheduled (pending), jobs.leases (running) or jobs.outcomes (final). A row of
-- jobs.executions is written at enqueue and never updated. Times are milliseconds since the Unix
-- epoch. COLLATE "C" makes texts sort by their bytes on every server. docs/retention.md says for
-- each table what bounds it.
--
-- Tables whose rows are short-lived are vacuumed early and without pauses.

-- One row per execution. `seq` gives the order of listings and is never used again. Rows are never
-- updated, so pages are filled completely. `erased_at` and `erased_by` record the erasure of the
-- payload.
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
    erased_at      bigint,
    erased_by      text     COLLATE "C",
    payload        text     COLLATE "C" NOT NULL
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX executions_by_job ON jobs.executions (job_id, seq);
CREATE INDEX executions_by_item ON jobs.executions (item_id, seq) WHERE item_id IS NOT NULL;
CREATE INDEX executions_by_correlation ON jobs.executions (correlation_id, seq)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_by_creator ON jobs.executions (created_by, seq)
    WHERE created_by IS NOT NULL;
CREATE INDEX executions_by_parent ON jobs.executions (parent_id, seq) WHERE parent_id IS NOT NULL;

-- Queued executions that a worker can claim. `rank` is 100 - priority. `attempt` is the number of
-- the next attempt. `spent` counts the attempts that used up the budget. The primary key is the
-- order of claims over all queues. Rows are never updated, so that a locked row stays where it is.
-- `limits` and `admitted_at` are set if the execution has limits. It then holds a permit of each,
-- and its attempt starts no earlier than `admitted_at`.
CREATE TABLE jobs.ready (
    seq         bigint   NOT NULL,
    rank        smallint NOT NULL,
    attempt     integer  NOT NULL,
    spent       integer  NOT NULL,
    queue       text     COLLATE "C" NOT NULL,
    job_id      text     COLLATE "C" NOT NULL,
    limits      bigint[],
    admitted_at bigint,
    PRIMARY KEY (rank, seq)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);
-- Finds the first rows of single queues and jobs. Rank and seq are expressions, so that a lookup by
-- them can only take the primary key. With the columns themselves, a plan that was made for an
-- empty table could read all of this index for each row that it looks up. The same holds for
-- `seq + 0` in the indexes of other tables.
CREATE INDEX ready_by_queue_and_job ON jobs.ready (queue, job_id, (rank::integer), (seq + 0));
-- Finds the ready executions with limits, in the order of claims. The first column is an
-- expression, so that the planner does not take the primary key for an equal choice.
CREATE INDEX ready_by_permits ON jobs.ready ((rank::integer), seq) WHERE limits IS NOT NULL;

-- Pending executions: delayed, or waiting for a retry. Rows are never updated.
CREATE TABLE jobs.scheduled (
    seq     bigint  PRIMARY KEY,
    run_at  bigint  NOT NULL,
    attempt integer NOT NULL,
    spent   integer NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX scheduled_by_time ON jobs.scheduled (run_at, (seq + 0));

-- Executions that expire. A row exists until the first attempt starts or the execution ends. At
-- `expires_at` the execution is cancelled.
CREATE TABLE jobs.expirations (
    seq        bigint PRIMARY KEY,
    expires_at bigint NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX expirations_by_time ON jobs.expirations (expires_at, (seq + 0));

-- Running attempts and the sessions that lease them. The table holds only what the fleet runs at
-- once, so a take-over and a repeated claim may scan it. `executed_by` is the session that ran the
-- attempt, if another one has taken it over. Updates of the progress touch no index and fit on the
-- row's own page.
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
    progress_message    text    COLLATE "C",
    limits              bigint[],
    beat                bigint  NOT NULL DEFAULT 0
) WITH (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);
-- Finds cancel requests, which are polled, without passing dead rows of other leases.
CREATE INDEX leases_by_cancel ON jobs.leases (session, seq) WHERE cancel_requested_at IS NOT NULL;

-- One row per start of a worker. Closed sessions stay for a time, because attempts name them.
-- `last_claim` is the highest number of a claim that leased something: a claim with a lower or
-- equal number is a repetition. `job_ids` are the jobs that the session claims. `queues` are its
-- queues; an empty array means every queue. These two, `labels`, `slot_caps` (JSON) and
-- `fingerprints` (of the jobs) are NULL if the worker's program does not tell. `lease_ms` is the
-- time without a renewal after which the session is dead. The high 32 bits of `id` are a number,
-- the low ones a nonce. `last_beat` and `renewed_at` are the last values of a session that is being
-- taken over; `last_beat` is NULL when that has ended. `external` is the program of an external
-- worker (JSON), and `token_digest` the SHA-256 digest of the secret in the tokens of its leases;
-- both are NULL for a process with a runtime.
CREATE TABLE jobs.sessions (
    id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    last_claim bigint  NOT NULL DEFAULT 0,
    opened_at  bigint  NOT NULL,
    closed_at  bigint,
    last_beat  bigint,
    renewed_at bigint,
    lease_ms   bigint  NOT NULL DEFAULT 30000,
    worker     text    COLLATE "C" NOT NULL,
    job_ids    text[]  COLLATE "C",
    queues     text[]  COLLATE "C",
    labels     text[]  COLLATE "C",
    slot_caps  text,
    fingerprints text[] COLLATE "C",
    external   text    COLLATE "C",
    token_digest text  COLLATE "C"
) WITH (fillfactor = 50);
CREATE INDEX sessions_taken_over ON jobs.sessions (id) WHERE last_beat IS NOT NULL;

-- The beat of each open session; its row goes when the session closes. The table is separate from
-- jobs.sessions, so that a renewal never waits for a claim.
CREATE TABLE jobs.beats (
    session    bigint PRIMARY KEY,
    beat       bigint NOT NULL DEFAULT 0,
    renewed_at bigint NOT NULL
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
);

-- Final executions, with the record of the last attempt. `outcome` is NULL if the execution was
-- cancelled while it waited; `attempt` is then the last number used.
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

-- Attempts that another attempt followed.
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

-- Log lines of handlers. The primary key makes a repeated write of a line harmless. `level` is
-- OpenTelemetry's severity number, `fields` a JSON object.
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

-- Idempotency keys. Until it expires, a key creates at most one execution per job.
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
CREATE INDEX idempotency_keys_by_expiry ON jobs.idempotency_keys (expires_at);

-- The newest execution under each unique key and each debounce key (`kind`). The execution may have
-- ended: the next enqueue with that key decides by its status.
CREATE TABLE jobs.unique_keys (
    job_id       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    execution_id uuid NOT NULL,
    PRIMARY KEY (job_id, kind, key)
);
CREATE INDEX unique_keys_by_execution ON jobs.unique_keys (execution_id);

-- Published jobs: one row per job and fingerprint. `renewed_at` is the last time at which a live
-- program that links it said so.
CREATE TABLE jobs.catalogue (
    job_id       text   COLLATE "C" NOT NULL,
    fingerprint  text   COLLATE "C" NOT NULL,
    published_at bigint NOT NULL,
    renewed_at   bigint NOT NULL DEFAULT 0,
    descriptor   text   COLLATE "C" NOT NULL,
    PRIMARY KEY (job_id, fingerprint)
);

-- The identity of this store. A caller's transaction is on this store's database if it reads this
-- id. `moved_to` names the store that its contents were moved to. `unordered_from` and
-- `unordered_to` are the first and the last `seq` of imported executions that are not in the order
-- of their times; NULL if there are none.
CREATE TABLE jobs.installation (
    id             uuid NOT NULL,
    moved_to       text COLLATE "C",
    unordered_from bigint,
    unordered_to   bigint
);
INSERT INTO jobs.installation (id) VALUES (gen_random_uuid());

-- Limits. `stage` is the order in which an execution passes its limits (0, then 1). `in_use` counts
-- the permits of executions that are ready or running. `tat` is the theoretical arrival time of a
-- rate's next start, in microseconds. No execution gets a rate's permit before `paused_until`. At
-- `check_at` the allocator looks at the limit even if no permit event names it. `retired_at` is set
-- if no execution named the limit at that time; the next enqueue that names it clears it.
CREATE TABLE jobs.limits (
    id           bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count        bigint   NOT NULL,
    period_ms    bigint,
    in_use       bigint   NOT NULL DEFAULT 0,
    tat          bigint   NOT NULL DEFAULT 0,
    paused_until bigint   NOT NULL DEFAULT 0,
    check_at     bigint,
    retired_at   bigint,
    stage        smallint NOT NULL,
    kind         text     COLLATE "C" NOT NULL CHECK (kind IN ('concurrent', 'rate')),
    job_id       text     COLLATE "C" NOT NULL,
    key          text     COLLATE "C" NOT NULL UNIQUE
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX limits_by_job ON jobs.limits (job_id);
CREATE INDEX limits_by_time ON jobs.limits (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX limits_rates ON jobs.limits (id) WHERE kind = 'rate';

-- The mutex of the permit allocator: one row. The allocator locks it for its transaction, so that
-- one allocator runs at a time in the whole fleet. `has_waiters` is true while an execution waits
-- for a permit. New waiters, which the allocator has not looked at, may be missing. Claims and
-- settlements read it, because a search in jobs.blocked may pass many dead rows.
CREATE TABLE jobs.allocator_lock (
    id          boolean PRIMARY KEY CHECK (id),
    has_waiters boolean NOT NULL DEFAULT FALSE
) WITH (fillfactor = 50);
INSERT INTO jobs.allocator_lock (id) VALUES (TRUE);

-- Executions with rules that outlive their enqueue. `limits` holds limit ids in the order of their
-- stages, or NULL. `capped` is true if the job has `max_waiting`.
CREATE TABLE jobs.limited (
    seq    bigint   PRIMARY KEY,
    capped boolean  NOT NULL,
    limits bigint[]
) WITH (fillfactor = 100);

-- Queued executions that wait for a permit. `limit_id` is the limit whose permit is missing, or 0
-- for a new waiter that the allocator has not looked at. `passed` counts the limits whose permit it
-- already holds. `arrived_at` is the time at which it came to this limit, or 0 at its first limit.
-- Only the allocator updates rows, and it locks the rows that it looks at.
CREATE TABLE jobs.blocked (
    seq        bigint   PRIMARY KEY,
    limit_id   bigint   NOT NULL,
    rank       smallint NOT NULL,
    passed     smallint NOT NULL,
    attempt    integer  NOT NULL,
    spent      integer  NOT NULL,
    arrived_at bigint   NOT NULL DEFAULT 0
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);
CREATE INDEX blocked_by_limit ON jobs.blocked (limit_id, rank, arrived_at, (seq + 0));

-- Changes of permits that the allocator has not counted yet: `counts[i]` of `limits[i]`. `kind` is
-- 'started' or 'ended' (attempts), 'unused' (admitted executions left without an attempt), or
-- 'pause' (no start before `at`). A transaction inserts one row for all of its limits and waits for
-- no lock; the allocator deletes the rows.
CREATE TABLE jobs.permit_events (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     bigint,
    kind   text     COLLATE "C" NOT NULL,
    limits bigint[] NOT NULL,
    counts bigint[] NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX permit_pauses ON jobs.permit_events (id) WHERE kind = 'pause';

-- Permits of attempts that have ended while their handler still runs. They stay in use until the
-- handler returns or its session ends.
CREATE TABLE jobs.retained_permits (
    seq     bigint   NOT NULL,
    session bigint   NOT NULL,
    attempt integer  NOT NULL,
    limits  bigint[] NOT NULL,
    PRIMARY KEY (seq, attempt)
);

-- Pending and queued executions of jobs with `max_waiting`.
CREATE TABLE jobs.backlog_entries (
    seq    bigint PRIMARY KEY,
    job_id text   COLLATE "C" NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX backlog_entries_by_job ON jobs.backlog_entries (job_id);

-- Paused queues: claims skip them. `paused_by` and `reason` are for people.
CREATE TABLE jobs.paused_queues (
    queue     text   COLLATE "C" PRIMARY KEY,
    paused_at bigint NOT NULL,
    paused_by text,
    reason    text
);

-- Dispatch by a broker: ready executions whose message is not published yet. The triggers of
-- sql/dispatch/start.sql write and delete the rows. `publish_at` is the time from which a relay
-- publishes the message. `version` counts how often the row was written again.
CREATE TABLE jobs.unpublished (
    publish_at bigint   NOT NULL DEFAULT 0,
    version    bigint   NOT NULL DEFAULT 0,
    seq        bigint   NOT NULL,
    attempt    integer  NOT NULL,
    rank       smallint NOT NULL,
    queue      text     COLLATE "C" NOT NULL,
    job_id     text     COLLATE "C" NOT NULL,
    PRIMARY KEY (queue, job_id, rank, seq)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);

CREATE FUNCTION jobs.note_ready_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs.unpublished AS u (queue, job_id, rank, seq, attempt)
    SELECT a.queue, a.job_id, a.rank, a.seq, a.attempt FROM added AS a
    ON CONFLICT (queue, job_id, rank, seq)
        DO UPDATE SET attempt = excluded.attempt, version = u.version + 1, publish_at = 0;
    RETURN NULL;
END
$$;

-- A merge deletes a ready row and inserts it again in one statement: its entry stays.
CREATE FUNCTION jobs.note_ready_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM jobs.unpublished
    WHERE ctid = ANY (ARRAY(
        SELECT p.place
        FROM removed AS g
        CROSS JOIN LATERAL (
            SELECT u.ctid AS place
            FROM jobs.unpublished AS u
            WHERE u.queue = g.queue AND u.job_id = g.job_id AND u.rank = g.rank AND u.seq = g.seq
            LIMIT 1
        ) AS p
        WHERE (
            SELECT r.seq FROM jobs.ready AS r WHERE r.rank = g.rank AND r.seq = g.seq LIMIT 1
        ) IS NULL
    ));
    RETURN NULL;
END
$$;

-- Schedules. `rule` and `declared` are JSON: the rule in force, and that of the job's attribute.
-- `payload` is NULL for the job's defaults. Every write raises `revision`. Times until
-- `evaluated_until` have been considered. `due_at` is NULL while a schedule is paused or absent.
CREATE TABLE jobs.schedules (
    revision        bigint  NOT NULL,
    evaluated_until bigint  NOT NULL,
    due_at          bigint,
    paused_at       bigint,
    created_at      bigint  NOT NULL,
    updated_at      bigint  NOT NULL,
    overridden      boolean NOT NULL,
    name            text    COLLATE "C" PRIMARY KEY,
    job_id          text    COLLATE "C" NOT NULL,
    absent          text    COLLATE "C",
    rule            text    COLLATE "C" NOT NULL,
    declared        text    COLLATE "C",
    payload         text    COLLATE "C"
) WITH (fillfactor = 50);
CREATE INDEX schedules_due ON jobs.schedules (due_at) WHERE due_at IS NOT NULL;

-- The last runs of each schedule. A time has one row, so it creates at most one execution. `reason`
-- and `detail` tell why none was created.
CREATE TABLE jobs.schedule_runs (
    time         bigint  NOT NULL,
    fired_at     bigint  NOT NULL,
    execution_id uuid,
    manual       boolean NOT NULL,
    schedule     text    COLLATE "C" NOT NULL,
    reason       text    COLLATE "C",
    detail       text    COLLATE "C",
    PRIMARY KEY (schedule, time, manual)
);

-- Turns at tasks that one process of the fleet at a time performs. With a holder, `until` is the
-- end of its turn; without one, the end of the task's rest.
CREATE TABLE jobs.turns (
    task   text   COLLATE "C" PRIMARY KEY,
    holder text   COLLATE "C",
    until  bigint NOT NULL
);

-- Access tokens, and the sign-ins of browsers: these name their token as `parent`. `hash` is the
-- SHA-256 of the secret, which is stored nowhere.
CREATE TABLE jobs.tokens (
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint,
    id           text   COLLATE "C" PRIMARY KEY,
    name         text   COLLATE "C" NOT NULL,
    role         text   COLLATE "C" NOT NULL,
    parent       text   COLLATE "C",
    hash         bytea  NOT NULL
) WITH (fillfactor = 80);

-- The audit log: acts of operators. `before` and `after` are JSON, without values of payloads.
CREATE TABLE jobs.audit (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      bigint NOT NULL,
    actor   text   COLLATE "C" NOT NULL,
    role    text   COLLATE "C" NOT NULL,
    address text   COLLATE "C",
    action  text   COLLATE "C" NOT NULL,
    target  text   COLLATE "C" NOT NULL,
    before  text   COLLATE "C",
    after   text   COLLATE "C"
);
CREATE INDEX audit_by_time ON jobs.audit (at);

-- Series for charts. Each process writes its own rows (`source`); a row counts what happened in the
-- `width_s` seconds from `at` on. `value` is JSON. A row is deleted after `expires_at`.
CREATE TABLE jobs.series (
    series     text    COLLATE "C" NOT NULL,
    width_s    integer NOT NULL,
    at         bigint  NOT NULL,
    source     text    COLLATE "C" NOT NULL,
    expires_at bigint  NOT NULL,
    value      text    NOT NULL,
    PRIMARY KEY (series, width_s, at, source)
);
CREATE INDEX series_by_expiry ON jobs.series (expires_at);

-- Bulk operations of operators. `request` is JSON: the act and the filter. An operation passes the
-- executions from the newest to the oldest; those with a seq of `position` or more are done or came
-- later. `skipped` is a JSON object: a number of executions for each reason.
CREATE TABLE jobs.operations (
    position    bigint  NOT NULL,
    expected    bigint  NOT NULL,
    changed     bigint  NOT NULL,
    created_at  bigint  NOT NULL,
    updated_at  bigint  NOT NULL,
    finished_at bigint,
    exact       boolean NOT NULL,
    id          text    COLLATE "C" PRIMARY KEY,
    status      text    COLLATE "C" NOT NULL,
    skipped     text    COLLATE "C" NOT NULL,
    created_by  text    COLLATE "C",
    request     text    COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX operations_running ON jobs.operations (created_at) WHERE finished_at IS NULL;

-- The inbox: requests by SQL that no process has taken in yet. Each becomes an execution with its
-- id. `enqueued_at` is the time of the call. A request is looked at from `not_before` on; `tries`
-- and `last_error` tell of earlier looks that failed.
CREATE TABLE jobs.inbox (
    not_before      bigint   NOT NULL DEFAULT 0,
    seq             bigint   GENERATED ALWAYS AS IDENTITY,
    enqueued_at     bigint   NOT NULL,
    run_at          bigint,
    expires_ms      bigint,
    id              uuid     NOT NULL,
    priority        smallint,
    tries           integer  NOT NULL DEFAULT 0,
    job_id          text     COLLATE "C" NOT NULL,
    idempotency_key text     COLLATE "C",
    correlation_id  text     COLLATE "C",
    item_id         text     COLLATE "C",
    created_by      text     COLLATE "C",
    trace_parent    text     COLLATE "C",
    last_error      text     COLLATE "C",
    tags            text[]   COLLATE "C",
    payload         text     COLLATE "C" NOT NULL,
    PRIMARY KEY (not_before, seq)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);

-- The time of the last notification of requests by SQL, as its last value. A sequence, because
-- every transaction sees the change at once and none waits for another.
CREATE SEQUENCE jobs.inbox_notified MINVALUE 0 START 0;

-- Requests an execution, in the transaction of the caller. Returns the id of the execution.
--
-- SECURITY DEFINER: a caller needs no right on a table, and cannot choose ids or times. The search
-- path is fixed, so that no object of a caller is used. The job's defaults, its schema, limits and
-- keys are applied by the process that takes the request in.
--
-- A NOTIFY makes a commit wait for the commit of every other transaction with a NOTIFY. So at most
-- one open transaction notifies, and at most one in 20 ms: the one with the advisory lock.
-- The others try that lock and do not wait for it. With jobs_sql.notify = off, none does.
CREATE FUNCTION jobs.enqueue(
    job_id          text,
    payload         json,
    priority        integer     DEFAULT NULL,
    delay           interval    DEFAULT NULL,
    run_at          timestamptz DEFAULT NULL,
    expires         interval    DEFAULT NULL,
    idempotency_key text        DEFAULT NULL,
    correlation_id  text        DEFAULT NULL,
    item_id         text        DEFAULT NULL,
    created_by      text        DEFAULT NULL,
    tags            text[]      DEFAULT NULL,
    traceparent     text        DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    called  CONSTANT timestamptz := clock_timestamp();
    now_ms  CONSTANT bigint := (extract(epoch FROM called) * 1000)::bigint;
    due     timestamptz := run_at;
    random  bytea := uuid_send(gen_random_uuid());
    id      uuid;
BEGIN
    IF job_id IS NULL OR payload IS NULL THEN
        RAISE EXCEPTION 'jobs: the job id and the payload must not be NULL'
            USING ERRCODE = 'null_value_not_allowed';
    ELSIF char_length(job_id) > 255 THEN
        RAISE EXCEPTION 'jobs: the job id has more than 255 characters'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF octet_length(payload::text) > 1048576 THEN
        RAISE EXCEPTION 'jobs: the payload has % bytes; 1048576 are allowed',
            octet_length(payload::text) USING ERRCODE = 'program_limit_exceeded';
    ELSIF octet_length(concat(
        job_id, idempotency_key, correlation_id, item_id, created_by, tags, traceparent
    )) > 65536 THEN
        RAISE EXCEPTION 'jobs: the texts beside the payload have more than 65536 bytes'
            USING ERRCODE = 'program_limit_exceeded';
    ELSIF priority NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'jobs: the priority is %; use 0 to 100', priority
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF delay IS NOT NULL AND run_at IS NOT NULL THEN
        RAISE EXCEPTION 'jobs: use either delay or run_at'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF array_ndims(tags) > 1 OR array_position(tags, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'jobs: the tags must be a list of texts without NULL'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF delay IS NOT NULL THEN
        due := called + delay;
    END IF;
    -- A UUID of version 7: the time, and the random bits of one of version 4.
    random := set_byte(random, 6, get_byte(random, 6) | 48);
    id := encode(overlay(random PLACING substring(int8send(now_ms) FROM 3) FROM 1 FOR 6), 'hex');
    INSERT INTO jobs.inbox (
        enqueued_at, run_at, expires_ms, id, priority, job_id, idempotency_key, correlation_id,
        item_id, created_by, trace_parent, tags, payload
    ) VALUES (
        now_ms, ceil(extract(epoch FROM due) * 1000)::bigint,
        (extract(epoch FROM called + expires - called) * 1000)::bigint, id, priority, job_id,
        idempotency_key, correlation_id, item_id, created_by, traceparent, tags, payload::text
    );
    IF (SELECT last_value FROM jobs.inbox_notified) < now_ms - 20
        AND current_setting('jobs_sql.notify', TRUE) IS DISTINCT FROM 'off'
        AND pg_try_advisory_xact_lock('jobs.inbox'::regclass::oid::integer, 0)
    THEN
        PERFORM setval('jobs.inbox_notified', now_ms);
        PERFORM pg_notify('jobs:' || btrim('jobs.', '".'), 'sql received');
    END IF;
    RETURN id;
END
$$;

-- The same with a payload of type jsonb.
CREATE FUNCTION jobs.enqueue(
    job_id          text,
    payload         jsonb,
    priority        integer     DEFAULT NULL,
    delay           interval    DEFAULT NULL,
    run_at          timestamptz DEFAULT NULL,
    expires         interval    DEFAULT NULL,
    idempotency_key text        DEFAULT NULL,
    correlation_id  text        DEFAULT NULL,
    item_id         text        DEFAULT NULL,
    created_by      text        DEFAULT NULL,
    tags            text[]      DEFAULT NULL,
    traceparent     text        DEFAULT NULL
) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE AS $$
    SELECT jobs.enqueue(
        job_id, payload::pg_catalog.json, priority, delay, run_at, expires, idempotency_key,
        correlation_id, item_id, created_by, tags, traceparent
    )
$$;

-- The same with a payload of type text, which must be JSON. An untyped literal is one of these.
CREATE FUNCTION jobs.enqueue(
    job_id          text,
    payload         text        DEFAULT '{}',
    priority        integer     DEFAULT NULL,
    delay           interval    DEFAULT NULL,
    run_at          timestamptz DEFAULT NULL,
    expires         interval    DEFAULT NULL,
    idempotency_key text        DEFAULT NULL,
    correlation_id  text        DEFAULT NULL,
    item_id         text        DEFAULT NULL,
    created_by      text        DEFAULT NULL,
    tags            text[]      DEFAULT NULL,
    traceparent     text        DEFAULT NULL
) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE AS $$
    SELECT jobs.enqueue(
        job_id, payload::pg_catalog.json, priority, delay, run_at, expires, idempotency_key,
        correlation_id, item_id, created_by, tags, traceparent
    )
$$;

-- A role with USAGE on the schema, for example one for reports, must not start executions.
REVOKE EXECUTE ON FUNCTION
    jobs.enqueue(
        text, json, integer, interval, timestamptz, interval, text, text, text, text, text[], text
    ),
    jobs.enqueue(
        text, jsonb, integer, interval, timestamptz, interval, text, text, text, text, text[], text
    ),
    jobs.enqueue(
        text, text, integer, interval, timestamptz, interval, text, text, text, text, text[], text
    )
FROM PUBLIC;
