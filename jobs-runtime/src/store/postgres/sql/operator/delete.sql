-- Deletes the final execution $1 and everything that was kept of it; also the keys that name
-- it, so that the next call with one creates an execution instead of naming none. Who gets
-- hold of its outcome decides what becomes of it: one that is not final is left alone.
WITH gone AS (DELETE FROM jobs.outcomes WHERE seq = $1 RETURNING seq),
execution AS (
    DELETE FROM jobs.executions AS x USING gone WHERE x.seq = ANY (ARRAY[gone.seq]) RETURNING x.id, x.job_id
),
attempts AS (DELETE FROM jobs.attempts AS a USING gone WHERE a.seq = ANY (ARRAY[gone.seq])),
logs AS (DELETE FROM jobs.logs AS l USING gone WHERE l.seq = ANY (ARRAY[gone.seq])),
keys AS (
    DELETE FROM jobs.idempotency_keys AS k
    USING execution AS x
    WHERE k.execution_id = ANY (ARRAY[x.id]) AND k.job_id = x.job_id
),
names AS (
    DELETE FROM jobs.unique_keys AS k
    USING execution AS x
    WHERE k.execution_id = ANY (ARRAY[x.id]) AND k.job_id = x.job_id
),
limited AS (DELETE FROM jobs.limited AS m USING gone WHERE m.seq = ANY (ARRAY[gone.seq]))
SELECT seq FROM gone
