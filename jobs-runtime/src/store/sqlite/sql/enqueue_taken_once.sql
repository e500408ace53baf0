-- A permit of each of the limits in the array $28 is taken. Cheaper than enqueue_taken.sql, which says how many.
UPDATE jobs_limits
SET granted = granted + 1
WHERE id IN (SELECT value FROM json_each($28));
