-- Fills the tables as fill_sqlite.sql does. Of twenty executions, sixteen have succeeded, one has
-- failed after two attempts, one was cancelled, one is queued, and one is scheduled. Every
-- thousandth execution runs instead. Half of the queued ones are ready and counted in a backlog;
-- the other half is blocked, each by a limit of its own. All of them expire later, and so do the
-- scheduled ones. Nothing here makes the server forget the plans of open connections.
-- :first  the number of executions that are there, a multiple of 1,000
-- :executions  the number of executions afterwards
INSERT INTO jobs.executions (
    seq, id, job_id, queue, priority, timeout_ms, max_attempts, retry, created_at, run_at,
    triggered_by, correlation_id, item_id, created_by, tags, payload
)
OVERRIDING SYSTEM VALUE
SELECT
    n, lpad(to_hex(n), 32, '0')::uuid, 'job-' || (n % 100),
    CASE WHEN n % 3 = 0 THEN 'mail' ELSE 'default' END, 50,
    300000, 4, '[[30000],0.0]', 1700000000000 + n, 1700000000000 + n, 'code',
    CASE
        WHEN n % 5 = 0 THEN 'correlation ' || (n / 100)
        WHEN n % 20 = 16 THEN 'failures'
        WHEN n % 20 = 19 THEN 'delays'
    END,
    CASE WHEN n % 7 = 0 THEN 'item ' || n END,
    CASE WHEN n % 2 = 0 THEN 'user ' || (n % 1000) END,
    CASE WHEN n % 1000 = 0 THEN ARRAY['rare'] END, '{"n":1}'
FROM generate_series(:first + 1, :executions) AS n;
SELECT setval(pg_get_serial_sequence('jobs.executions', 'seq'), 100000000 + :executions);

INSERT INTO jobs.sessions (id, worker, opened_at, closed_at)
OVERRIDING SYSTEM VALUE
SELECT n, 'worker ' || n, 1700000000000, CASE WHEN n > 1 THEN 1700000000000 END
FROM generate_series(1, 200) AS n
ON CONFLICT DO NOTHING;
SELECT setval(pg_get_serial_sequence('jobs.sessions', 'id'), 1000 + :executions);
INSERT INTO jobs.beats (session, renewed_at) VALUES (1, 1700000000000) ON CONFLICT DO NOTHING;

INSERT INTO jobs.leases (seq, session, claim, attempt, spent, claimed_at)
SELECT n, 1, 1, 1, 0, 1700000000000 FROM generate_series(:first + 1, :executions, 1000) AS n;

INSERT INTO jobs.outcomes (
    seq, status, finished_at, attempt, outcome, session, started_at, error_kind, error_message,
    result
)
SELECT
    n,
    CASE WHEN n % 20 < 16 THEN 'succeeded' WHEN n % 20 = 16 THEN 'failed' ELSE 'cancelled' END,
    1700000000000,
    CASE WHEN n % 20 < 16 THEN 1 WHEN n % 20 = 16 THEN 3 ELSE 0 END,
    CASE WHEN n % 20 < 16 THEN 'succeeded' WHEN n % 20 = 16 THEN 'failed' END,
    CASE WHEN n % 20 < 17 THEN 2 + n % 100 END,
    CASE WHEN n % 20 < 17 THEN 1700000000000 END,
    CASE WHEN n % 20 = 16 THEN 'failed' END,
    CASE WHEN n % 20 = 16 THEN 'no' END,
    CASE WHEN n % 20 < 16 THEN '{"n":1}' END
FROM generate_series(:first + 1, :executions) AS n
WHERE n % 20 < 18 AND n % 1000 <> 1;
INSERT INTO jobs.attempts (seq, attempt, outcome, session, started_at, finished_at, retry_at)
SELECT n, a, 'failed', 2, 1700000000000, 1700000000000, 1700000000000
FROM generate_series(:first + 16, :executions, 20) AS n, generate_series(1, 2) AS a;

INSERT INTO jobs.ready (queue, rank, seq, job_id, attempt, spent)
SELECT CASE WHEN n % 3 = 0 THEN 'mail' ELSE 'default' END, 50, n, 'job-' || (n % 100), 1, 0
FROM generate_series(:first + 18, :executions, 40) AS n;
INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
SELECT n, 1900000000000 + n, 1, 0 FROM generate_series(:first + 19, :executions, 20) AS n;
INSERT INTO jobs.expirations (seq, expires_at)
SELECT n, 1990000000000 + n FROM generate_series(:first + 18, :executions, 20) AS n
UNION ALL
SELECT n, 1990000000000 + n FROM generate_series(:first + 19, :executions, 20) AS n;

INSERT INTO jobs.logs (seq, attempt, line, at, level, target, message)
SELECT n, 1, 1, 1700000000000, 9, 'target', 'a message'
FROM generate_series(:first + 5, :executions, 5) AS n;
INSERT INTO jobs.idempotency_keys (
    job_id, key, execution_id, payload_digest, created_at, expires_at
)
SELECT
    'job-' || (n % 100), 'key ' || n, lpad(to_hex(n), 32, '0')::uuid, 'digest', 1700000000000,
    1900000000000
FROM generate_series(:first + 50, :executions, 50) AS n;

INSERT INTO jobs.limits (id, key, job_id, stage, kind, count, in_use)
OVERRIDING SYSTEM VALUE
SELECT n, 'limit ' || n, 'job-' || (n % 100), 0, 'concurrent', 1, 1
FROM generate_series(:first + 38, :executions, 40) AS n;
SELECT setval(pg_get_serial_sequence('jobs.limits', 'id'), 100000000 + :executions);
INSERT INTO jobs.limited (seq, limits, capped)
SELECT n, ARRAY[n], FALSE FROM generate_series(:first + 38::bigint, :executions, 40) AS n
UNION ALL
SELECT n, NULL, TRUE FROM generate_series(:first + 18, :executions, 40) AS n;
INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT n, n, 50, 1, 0, 0 FROM generate_series(:first + 38, :executions, 40) AS n;
INSERT INTO jobs.backlog_entries (seq, job_id)
SELECT n, 'job-' || (n % 100) FROM generate_series(:first + 18, :executions, 40) AS n;
INSERT INTO jobs.unique_keys (job_id, kind, key, execution_id)
SELECT 'job-' || (n % 100), 'unique', 'key ' || n, lpad(to_hex(n), 32, '0')::uuid
FROM generate_series(:first + 50, :executions, 50) AS n;
