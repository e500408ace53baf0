-- Cancels the execution $1 at the time $2, if it is scheduled.
-- Waits for a promotion that has locked it. Returns no row if it is not scheduled; else false,
-- because a scheduled execution holds no permits.
WITH removed AS (DELETE FROM jobs.scheduled WHERE seq = $1 RETURNING seq, attempt),
expiration AS (DELETE FROM jobs.expirations AS e USING removed AS g
    WHERE e.seq = ANY (ARRAY[g.seq])),
backlog AS (DELETE FROM jobs.backlog_entries AS w USING removed AS g
    WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM removed
)
SELECT FALSE FROM removed
