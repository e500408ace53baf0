-- Postpones the request with the key ($1, $2) for the reason $4. The pause after the time $3 is a
-- second, doubles with each try, and ends at a minute.
UPDATE jobs.inbox
SET
    not_before = $3 + LEAST(1000::bigint << LEAST(tries, 16), 60000),
    tries = tries + 1,
    last_error = $4
WHERE not_before = $1 AND seq = $2
