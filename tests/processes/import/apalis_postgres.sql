-- The table of apalis-postgres 1.0 after its migrations.
CREATE SCHEMA apalis;
CREATE TABLE apalis.workers (id TEXT PRIMARY KEY, worker_type TEXT NOT NULL,
    storage_name TEXT NOT NULL, layers TEXT NOT NULL DEFAULT '',
    last_seen TIMESTAMPTZ NOT NULL DEFAULT NOW(), started_at TIMESTAMPTZ);
CREATE TABLE apalis.jobs (
    job BYTEA NOT NULL,
    id TEXT NOT NULL PRIMARY KEY,
    job_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'Pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL DEFAULT 25,
    run_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    last_result JSONB,
    lock_at TIMESTAMPTZ,
    lock_by TEXT REFERENCES apalis.workers (id),
    done_at TIMESTAMPTZ,
    priority INTEGER DEFAULT 0,
    metadata JSONB
);
INSERT INTO apalis.jobs (job, id, job_type, status, attempts, run_at, priority)
SELECT CONVERT_TO('{"a":' || n || ',"b":2}', 'UTF8'), LPAD(n::TEXT, 6, '0'), 'test.add',
    'Pending', 0, NOW() - INTERVAL '1 minute', NULL
FROM GENERATE_SERIES(1, 1200) AS n;
