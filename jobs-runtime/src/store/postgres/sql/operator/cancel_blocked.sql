-- Ends the execution $1 at $2 as cancelled, if it is held; waits for a doorkeeper who is just looking at
-- it. Says whether it has left permits unused.
WITH gone AS (DELETE FROM jobs.blocked WHERE seq = $1 RETURNING seq, attempt, passed),
unused AS (
    INSERT INTO jobs.permit_events (limit_id, kind, count)
    SELECT i.id, 'unused', 1
    FROM gone AS g
    CROSS JOIN LATERAL (SELECT b.limits FROM jobs.limited AS b WHERE b.seq = g.seq LIMIT 1) AS m
    CROSS JOIN LATERAL unnest(m.limits[1:g.passed]) AS i (id)
    WHERE i.id IS NOT NULL
),
counted AS (DELETE FROM jobs.backlog_entries AS w USING gone AS g WHERE w.seq = ANY (ARRAY[g.seq])),
ended AS (
    INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
    SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM gone
)
SELECT passed > 0 FROM gone
