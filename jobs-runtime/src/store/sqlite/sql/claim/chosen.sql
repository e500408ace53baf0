-- Reads the executions that choose.sql has chosen.
-- Returns rows with 'chosen' and an id, in the order of claims.
SELECT 'chosen', x.id
FROM temp.jobs_claimed_rows AS t
CROSS JOIN jobs_executions AS x ON x.seq = t.seq
ORDER BY t.place;
