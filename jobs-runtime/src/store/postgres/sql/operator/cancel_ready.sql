-- Ends the execution $1 at $2 as cancelled, if it is ready; waits for a claim that is under way. Says
-- whether it has left permits unused.
WITH gone AS (
    DELETE FROM jobs.ready
    WHERE seq = $1 AND rank = (SELECT 100 - priority FROM jobs.executions WHERE seq = $1)
    RETURNING seq, attempt, limits
),
unused AS (
    INSERT INTO jobs.permit_events (limit_id, kind, count)
    SELECT i.id, 'unused', 1
    FROM gone AS g
    CROSS JOIN LATERAL unnest(g.limits) AS i (id)
    WHERE i.id IS NOT NULL
),
counted AS (DELETE FROM jobs.backlog_entries AS w USING gone AS g WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM gone
)
SELECT limits IS NOT NULL FROM gone
