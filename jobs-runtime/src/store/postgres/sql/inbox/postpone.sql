-- Postpones the request with the key ($1, $2) to the time $3, for the reason $4.
UPDATE jobs.inbox
SET not_before = $3, tries = tries + 1, last_error = $4
WHERE not_before = $1 AND seq = $2
