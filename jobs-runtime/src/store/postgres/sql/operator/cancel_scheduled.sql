-- Ends the execution $1 at $2 as cancelled, if it is scheduled; waits for a promotion under way. It has
-- no permits.
WITH gone AS (DELETE FROM jobs.scheduled WHERE seq = $1 RETURNING seq, attempt),
counted AS (DELETE FROM jobs.backlog_entries AS w USING gone AS g WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM gone
)
SELECT FALSE FROM gone
