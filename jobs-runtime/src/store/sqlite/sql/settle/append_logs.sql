-- Writes the log lines of the array $1, of attempts that may write. A line that is there is the
-- same line: the answer to the call before was lost.
INSERT OR IGNORE INTO jobs_logs (seq, attempt, line, at, level, target, message, fields)
SELECT
    l.value ->> 0, l.value ->> 1, l.value ->> 2, l.value ->> 3, l.value ->> 4, l.value ->> 5,
    l.value ->> 6, l.value ->> 7
FROM jsonb_each($1) AS l
