-- Lists entries of the audit log among the examined rows, newest first.
-- $1  the position before which the page begins, $2 the lowest examined row
-- $3 actor, $4 action, $5 target, $6 since, $7 until: NULL for all
-- $8  the most entries
SELECT seq, at, actor, role, address, action, target, before, after
FROM jobs.audit
WHERE seq < $1 AND seq >= $2
  AND ($3::text IS NULL OR actor = $3)
  AND ($4::text IS NULL OR action = $4)
  AND ($5::text IS NULL OR target = $5)
  AND ($6::bigint IS NULL OR at >= $6)
  AND ($7::bigint IS NULL OR at < $7)
ORDER BY seq DESC
LIMIT $8
