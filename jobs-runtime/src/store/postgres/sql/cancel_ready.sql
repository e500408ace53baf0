-- Ends the execution $1 at $2 as cancelled, if it is ready; waits for a claim that is under way.
WITH waiting AS (
    DELETE FROM jobs.ready
    WHERE seq = $1 AND rank = (SELECT 100 - priority FROM jobs.executions WHERE seq = $1)
    RETURNING seq, attempt
)
INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
SELECT seq, 'cancelled', $2, attempt - 1, 'cancelled', 'cancelled while it waited' FROM waiting
