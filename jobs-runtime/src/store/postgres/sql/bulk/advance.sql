-- Writes the counts and the position of the bulk operation $1 after a batch.
-- $2 changed executions, $3 skipped ones by reason (JSON object), $4 new position (NULL ends the
-- operation), $5 the present time.
UPDATE jobs.operations
SET changed = $2, skipped = $3, updated_at = $5, position = COALESCE($4, 0),
    status = CASE WHEN $4::bigint IS NULL THEN 'done' ELSE status END,
    finished_at = CASE WHEN $4::bigint IS NULL THEN $5 END
WHERE id = $1
