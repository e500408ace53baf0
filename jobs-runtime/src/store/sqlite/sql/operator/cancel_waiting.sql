-- Ends a waiting execution as cancelled.
-- $1  the seq of the execution
-- $2  the present time
-- $3  the kind of the error
-- $4  the message of the error
INSERT INTO jobs_outcomes (seq, status, finished_at, attempt, error_kind, error_message)
SELECT x.seq, 'cancelled', $2, COALESCE(r.attempt, s.attempt, h.attempt) - 1, $3, $4
FROM jobs_executions AS x
LEFT JOIN jobs_ready AS r ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
LEFT JOIN jobs_scheduled AS s ON s.seq = x.seq
LEFT JOIN jobs_blocked AS h ON h.seq = x.seq
WHERE x.seq = $1;

DELETE FROM jobs_ready
WHERE (queue, rank, seq) = (SELECT queue, 100 - priority, seq FROM jobs_executions WHERE seq = $1);

DELETE FROM jobs_scheduled WHERE seq = $1;

DELETE FROM jobs_blocked WHERE seq = $1;

DELETE FROM jobs_backlog_entries WHERE seq = $1;

DELETE FROM jobs_expirations WHERE seq = $1;
