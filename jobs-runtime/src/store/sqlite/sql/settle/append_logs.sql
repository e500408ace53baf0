-- Writes log lines of attempts. A line that exists is skipped: it was written by a call whose
-- answer was lost.
-- $1  JSON array: [seq, attempt, line, time, level, target, message, fields]
INSERT OR IGNORE INTO jobs_logs (seq, attempt, line, at, level, target, message, fields)
SELECT
    l.value ->> 0, l.value ->> 1, l.value ->> 2, l.value ->> 3, l.value ->> 4, l.value ->> 5,
    l.value ->> 6, l.value ->> 7
FROM jsonb_each($1) AS l
