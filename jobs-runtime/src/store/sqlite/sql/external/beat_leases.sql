-- Changes the beats of leases that exist.
-- $1  JSON array: [seq, session, claim, attempt]
-- Returns the same columns of these leases.
UPDATE jobs_leases SET beat = beat + 1
WHERE (seq, session, claim, attempt) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1)
)
RETURNING seq, session, claim, attempt
