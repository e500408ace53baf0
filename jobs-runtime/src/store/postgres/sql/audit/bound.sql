-- Finds the rows that a page of the audit log examines: the lowest of them, and their number.
-- $1  the position before which the page begins
-- $2  the most rows
SELECT COALESCE(MIN(seq), 0), COUNT(*)
FROM (SELECT seq FROM jobs.audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2) AS examined
