-- What limits hold back, and what makes an execution the same as another. An execution without rules
-- leaves no row here, and NULL in the new columns of jobs.ready and jobs.leases.

-- Limits by their keys. `stage` says whether executions pass it first or second, `granted` how many
-- permits are out, `arrival` when a rate expects its next start, in microseconds, and `look_at` when
-- somebody shall look at it though nothing has happened.
CREATE TABLE jobs.limits (
    id        bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count     bigint   NOT NULL,
    period_ms bigint,
    granted   bigint   NOT NULL DEFAULT 0,
    arrival   bigint   NOT NULL DEFAULT 0,
    look_at   bigint,
    stage     smallint NOT NULL,
    kind      text     COLLATE "C" NOT NULL CHECK (kind IN ('concurrent', 'rate')),
    job_id    text     COLLATE "C" NOT NULL,
    key       text     COLLATE "C" NOT NULL UNIQUE
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX limits_by_job ON jobs.limits (job_id);
CREATE INDEX limits_by_time ON jobs.limits (look_at) WHERE look_at IS NOT NULL;

-- Whoever lets in holds this one row for as long: there is one doorkeeper at a time in the whole fleet.
CREATE TABLE jobs.door (id boolean PRIMARY KEY CHECK (id));
INSERT INTO jobs.door (id) VALUES (TRUE);

-- Executions with limits: the limits' ids, in the order in which they are passed; NULL for one that is
-- only `capped`, whose job says how many may wait.
CREATE TABLE jobs.limited (
    seq    bigint   PRIMARY KEY,
    capped boolean  NOT NULL,
    limits bigint[]
) WITH (fillfactor = 100);

-- Queued, and without a permit: at the limit whose permit it lacks, or at the door (0) where nobody
-- has looked at it yet. `passed` of its limits have given it one. `rank`, `attempt` and `spent` are as
-- in jobs.ready. Only the doorkeeper updates rows, and holds those that it looks at.
CREATE TABLE jobs.held (
    seq      bigint   PRIMARY KEY,
    limit_id bigint   NOT NULL,
    rank     smallint NOT NULL,
    passed   smallint NOT NULL,
    attempt  integer  NOT NULL,
    spent    integer  NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5
);
CREATE INDEX held_by_limit ON jobs.held (limit_id, rank, seq);

-- The permits that are out go with an execution. `last_limit` finds those that are ready by the permit of
-- a limit; the other index finds those that are ready by permits at all, in the order of claims. Its
-- first column is not the primary key's, so that the planner cannot take that one for as good.
ALTER TABLE jobs.ready ADD COLUMN last_limit bigint;
ALTER TABLE jobs.ready ADD COLUMN limits bigint[];
CREATE INDEX ready_by_limit ON jobs.ready (last_limit, rank, seq) WHERE last_limit IS NOT NULL;
CREATE INDEX ready_by_permits ON jobs.ready ((rank::integer), seq) WHERE limits IS NOT NULL;
ALTER TABLE jobs.leases ADD COLUMN limits bigint[];

-- What became of permits since somebody was let in: `count` attempts started or ended, executions left
-- unused permits, or nothing starts before `at`. Rows are inserted by everybody, who so wait for nobody,
-- and taken by the doorkeeper.
CREATE TABLE jobs.permit_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    limit_id bigint NOT NULL,
    count    bigint NOT NULL,
    at       bigint,
    kind     text   COLLATE "C" NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);

-- Attempts that have ended and whose handlers still run: their permits stay out as long as the session
-- lives.
CREATE TABLE jobs.stuck (
    seq     bigint   NOT NULL,
    session bigint   NOT NULL,
    attempt integer  NOT NULL,
    limits  bigint[] NOT NULL,
    PRIMARY KEY (seq, attempt)
);

-- Pending and queued executions of jobs that say how many may wait.
CREATE TABLE jobs.waiting (
    seq    bigint PRIMARY KEY,
    job_id text   COLLATE "C" NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX waiting_by_job ON jobs.waiting (job_id);

-- The newest execution under each key by which executions are the same one. `kind` is unique or
-- debounce. What it names may have ended: who brings the key next decides.
CREATE TABLE jobs.unique_keys (
    job_id       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    execution_id uuid NOT NULL,
    PRIMARY KEY (job_id, kind, key)
);
CREATE INDEX unique_keys_by_execution ON jobs.unique_keys (execution_id);

-- Queues that nothing is claimed from.
CREATE TABLE jobs.paused (
    queue     text   COLLATE "C" PRIMARY KEY,
    paused_at bigint NOT NULL
);
