-- Deletes those of the final executions $1 that ended at the times $2 (NULL: at any time), with
-- their attempts, log lines, limits and keys. The delete from `outcomes` decides: an execution that
-- is not final is kept. Without its keys, the next enqueue with one of them creates an execution.
-- Returns the seqs of the deleted ones.
WITH removed AS (
    DELETE FROM jobs.outcomes AS o
    USING unnest($1::bigint[], $2::bigint[]) AS e (seq, finished_at)
    WHERE o.seq = ANY (ARRAY[e.seq]) AND (e.finished_at IS NULL OR o.finished_at = e.finished_at)
    RETURNING o.seq
),
execution AS (
    DELETE FROM jobs.executions AS x USING removed WHERE x.seq = ANY (ARRAY[removed.seq])
        RETURNING x.id, x.job_id
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
