-- Deletes the final execution $1 with its attempts, log lines, limits and keys.
-- The delete from `outcomes` decides: an execution that is not final is kept. Without its keys, the
-- next enqueue with one of them creates an execution. Returns the seq, or no row.
WITH removed AS (DELETE FROM jobs.outcomes WHERE seq = $1 RETURNING seq),
execution AS (
    DELETE FROM jobs.executions AS x USING removed WHERE x.seq = ANY (ARRAY[removed.seq]) RETURNING x.id, x.job_id
),
attempts AS (DELETE FROM jobs.attempts AS a USING removed WHERE a.seq = ANY (ARRAY[removed.seq])),
logs AS (DELETE FROM jobs.logs AS l USING removed WHERE l.seq = ANY (ARRAY[removed.seq])),
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
limited AS (DELETE FROM jobs.limited AS m USING removed WHERE m.seq = ANY (ARRAY[removed.seq]))
SELECT seq FROM removed
