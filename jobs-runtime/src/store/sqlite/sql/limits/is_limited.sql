-- Tells whether an execution has limits.
-- $1  the seq of the execution
SELECT EXISTS (SELECT 1 FROM jobs_limited WHERE seq = $1 AND limits IS NOT NULL)
