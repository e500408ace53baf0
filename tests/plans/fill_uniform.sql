-- Fills the tables with uniform executions: each column has one value, so that a filter by another
-- value finds none. Three tenths have succeeded, six tenths are ready, and one tenth is ready with
-- permits of a limit.
-- :executions  the number of executions
INSERT INTO jobs.executions (
    seq, id, job_id, queue, priority, max_attempts, retry, created_at, run_at, triggered_by,
    correlation_id, item_id, created_by, payload
)
OVERRIDING SYSTEM VALUE
SELECT
    n, lpad(to_hex(n), 32, '0')::uuid, 'same', 'default', 50, 1, '[[],0.0]', 1700000000000,
    1700000000000,
    'code', 'same', 'same', 'same', '{"n":1}'
FROM generate_series(1, :executions) AS n;
ALTER TABLE jobs.executions ALTER COLUMN seq RESTART WITH 100000000;

INSERT INTO jobs.sessions (id, worker, opened_at, closed_at)
OVERRIDING SYSTEM VALUE
VALUES (1, 'worker', 1700000000000, 1700000000000);
ALTER TABLE jobs.sessions ALTER COLUMN id RESTART WITH 1000;

INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, outcome, session, started_at, result)
SELECT n, 'succeeded', 1700000000000, 1, 'succeeded', 1, 1700000000000, 'null'
FROM generate_series(1, :executions * 3 / 10) AS n;

INSERT INTO jobs.limits (id, key, job_id, stage, kind, count, in_use)
OVERRIDING SYSTEM VALUE
VALUES (1, 'same', 'same', 0, 'concurrent', :executions, :executions / 10);
ALTER TABLE jobs.limits ALTER COLUMN id RESTART WITH 100000000;
INSERT INTO jobs.ready (queue, rank, seq, job_id, attempt, spent)
SELECT 'default', 50, n, 'same', 1, 0
FROM generate_series(:executions * 3 / 10 + 1, :executions * 9 / 10) AS n;
INSERT INTO jobs.ready (queue, rank, seq, job_id, attempt, spent, limits, admitted_at)
SELECT 'default', 50, n, 'same', 1, 0, ARRAY[1], 1700000000000
FROM generate_series(:executions * 9 / 10 + 1, :executions) AS n;
INSERT INTO jobs.limited (seq, limits, capped)
SELECT n, ARRAY[1], FALSE FROM generate_series(:executions * 9 / 10 + 1, :executions) AS n;
