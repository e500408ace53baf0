-- The tables of graphile_worker 0.14 after its migrations.
CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker._private_job_queues (
    id INT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    queue_name TEXT NOT NULL UNIQUE,
    locked_at TIMESTAMPTZ,
    locked_by TEXT,
    is_available BOOLEAN GENERATED ALWAYS AS (locked_at IS NULL) STORED NOT NULL
);
CREATE TABLE graphile_worker._private_tasks (
    id INT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    identifier TEXT NOT NULL UNIQUE
);
CREATE TABLE graphile_worker._private_jobs (
    id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    job_queue_id INT,
    task_id INT NOT NULL,
    payload JSON NOT NULL DEFAULT '{}',
    priority SMALLINT NOT NULL DEFAULT 0,
    run_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    attempts SMALLINT NOT NULL DEFAULT 0,
    max_attempts SMALLINT NOT NULL DEFAULT 25,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    key TEXT UNIQUE,
    locked_at TIMESTAMPTZ,
    locked_by TEXT,
    revision INT NOT NULL DEFAULT 0,
    flags JSONB,
    is_available BOOLEAN GENERATED ALWAYS AS (locked_at IS NULL AND attempts < max_attempts) STORED
        NOT NULL
);
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('add_numbers');
INSERT INTO graphile_worker._private_job_queues (queue_name) VALUES ('serial');
INSERT INTO graphile_worker._private_jobs
    (task_id, payload, priority, run_at, attempts, job_queue_id, locked_at) VALUES
    (1, '{"a":1,"b":2}', 0, NOW(), 0, NULL, NULL),
    (1, '{"a":2,"b":2}', -30, NOW(), 3, 1, NULL),
    (1, '{"a":3,"b":2}', 0, NOW(), 25, NULL, NULL),
    (1, '{"a":4,"b":2}', 0, NOW(), 1, NULL, NOW()),
    (1, '[1, 2]', 0, NOW(), 0, NULL, NULL);
