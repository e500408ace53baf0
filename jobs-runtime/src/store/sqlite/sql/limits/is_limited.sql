-- Whether the execution $1 has limits.
SELECT EXISTS (SELECT 1 FROM jobs_limited WHERE seq = $1 AND limits IS NOT NULL)
