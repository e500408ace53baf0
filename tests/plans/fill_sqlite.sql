-- Fills the tables. Of twenty executions, sixteen have succeeded, one has failed after two
-- attempts, one was cancelled, one is queued, and one is scheduled. Every thousandth execution runs
-- instead. Half of the queued ones are ready and counted in a backlog; the other half is blocked,
-- each by a limit of its own. All of them expire later, and so do the scheduled ones.
-- $1  the number of executions
CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY);
WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < $1)
INSERT INTO numbers SELECT n FROM count;

INSERT INTO jobs_executions (
    seq, id, job_id, queue, priority, timeout_ms, max_attempts, retry, created_at, run_at,
    triggered_by, correlation_id, item_id, created_by, tags, payload
)
SELECT
    n, unhex(printf('%032x', n)), 'job-' || (n % 100), iif(n % 3 = 0, 'mail', 'default'), 50,
    300000, 4, '[[30000],0.0]', 1700000000000 + n, 1700000000000 + n, 'code',
    CASE
        WHEN n % 5 = 0 THEN 'correlation ' || (n / 100)
        WHEN n % 20 = 16 THEN 'failures'
        WHEN n % 20 = 19 THEN 'delays'
    END,
    iif(n % 7 = 0, 'item ' || n, NULL),
    iif(n % 2 = 0, 'user ' || (n % 1000), NULL), iif(n % 1000 = 0, '["rare"]', NULL), '{"n":1}'
FROM numbers;

INSERT INTO jobs_sessions (id, worker, opened_at, renewed_at, closed_at)
SELECT n, 'worker ' || n, 1700000000000, 1700000000000, iif(n = 1, NULL, 1700000000000)
FROM numbers WHERE n <= 200;

INSERT INTO jobs_leases (seq, session, claim, attempt, spent, claimed_at)
SELECT n, 1, 1, 1, 0, 1700000000000 FROM numbers WHERE n % 1000 = 1;

INSERT INTO jobs_outcomes (seq, status, finished_at, attempt, outcome, session, started_at, result)
SELECT n, 'succeeded', 1700000000000, 1, 'succeeded', 2 + n % 100, 1700000000000, '{"n":1}'
FROM numbers WHERE n % 20 < 16 AND n % 1000 <> 1;
INSERT INTO jobs_outcomes (seq, status, finished_at, attempt, outcome, session, started_at,
    error_kind, error_message)
SELECT n, 'failed', 1700000000000, 3, 'failed', 2 + n % 100, 1700000000000, 'failed', 'no'
FROM numbers WHERE n % 20 = 16;
INSERT INTO jobs_outcomes (seq, status, finished_at, attempt)
SELECT n, 'cancelled', 1700000000000, 0 FROM numbers WHERE n % 20 = 17;
INSERT INTO jobs_attempts (seq, attempt, outcome, session, started_at, finished_at, retry_at)
SELECT n, a.value, 'failed', 2, 1700000000000, 1700000000000, 1700000000000
FROM numbers, json_each('[1,2]') AS a WHERE n % 20 = 16;

INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent)
SELECT queue, 100 - priority, seq, job_id, 1, 0 FROM jobs_executions WHERE seq % 40 = 18;
INSERT INTO jobs_scheduled (seq, run_at, attempt, spent)
SELECT n, 1900000000000 + n, 1, 0 FROM numbers WHERE n % 20 = 19;
INSERT INTO jobs_expirations (seq, expires_at)
SELECT n, 1990000000000 + n FROM numbers WHERE n % 20 IN (18, 19);

INSERT INTO jobs_logs (seq, attempt, line, at, level, target, message)
SELECT n, 1, 1, 1700000000000, 9, 'target', 'a message' FROM numbers WHERE n % 5 = 0;
INSERT INTO jobs_idempotency_keys (job_id, key, execution_id, payload_digest, expires_at)
SELECT 'job-' || (n % 100), 'key ' || n, unhex(printf('%032x', n)), 'digest', 1900000000000
FROM numbers WHERE n % 50 = 0;

INSERT INTO jobs_limits (id, key, job_id, stage, kind, count, in_use)
SELECT n, 'limit ' || n, 'job-' || (n % 100), 0, 'concurrent', 1, 1 FROM numbers WHERE n % 40 = 38;
INSERT INTO jobs_limited (seq, limits, capped)
SELECT n, iif(n % 40 = 38, json_array(n), NULL), n % 40 = 18 FROM numbers WHERE n % 20 = 18;
INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT n, n, 50, 1, 0, 0 FROM numbers WHERE n % 40 = 38;
-- Every thirteenth blocked execution gets its permit: it is ready in a queue of its own, behind all
-- other executions.
UPDATE jobs_executions SET queue = 'far', priority = 1 WHERE seq % 520 = 38;
DELETE FROM jobs_blocked WHERE seq % 520 = 38;
INSERT INTO jobs_ready (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT x.queue, 100 - x.priority, x.seq, x.job_id, 1, 0, m.limits, 1700000000000
FROM jobs_executions AS x
CROSS JOIN jobs_limited AS m ON m.seq = x.seq
WHERE x.seq % 520 = 38;
INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT n, 'job-' || (n % 100) FROM numbers WHERE n % 40 = 18;
INSERT INTO jobs_unique_keys (job_id, kind, key, execution_id)
SELECT 'job-' || (n % 100), 'unique', 'key ' || n, unhex(printf('%032x', n))
FROM numbers WHERE n % 50 = 0;
DROP TABLE numbers;
