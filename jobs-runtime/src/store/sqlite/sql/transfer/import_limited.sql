-- Writes limits and keys of the executions that import_executions.sql has created.
-- $1  JSON array: [seq, limits, whether the job has max_waiting]
-- $2  JSON array: blocked executions [seq, next attempt, attempts that count against the budget]
-- $3  JSON array: entries of a backlog [seq, job]
-- $4  JSON array: unique and debounce keys [job, kind, key, execution id (hex)]
INSERT INTO jobs_limited (seq, limits, capped)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1);

INSERT INTO jobs_blocked (seq, limit_id, rank, attempt, spent, passed)
SELECT x.seq, 0, 100 - x.priority, p.value ->> 1, p.value ->> 2, 0
FROM json_each($2) AS p
CROSS JOIN jobs_executions AS x ON x.seq = p.value ->> 0;

INSERT INTO jobs_backlog_entries (seq, job_id)
SELECT value ->> 0, value ->> 1 FROM json_each($3);

INSERT OR REPLACE INTO jobs_unique_keys (job_id, kind, key, execution_id)
SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3)
FROM json_each($4);
