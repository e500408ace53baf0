-- Stores the progress of attempts whose leases exist. The percentage never decreases.
-- $1  JSON array: [seq, percent, message or NULL]
UPDATE jobs_leases
SET progress = MAX(progress, r.percent), progress_message = IFNULL(r.message, progress_message)
FROM (
    SELECT value ->> 0 AS seq, value ->> 1 AS percent, value ->> 2 AS message FROM jsonb_each($1)
) AS r
WHERE jobs_leases.seq = r.seq;
