-- Asks for the cancellation of the running execution $1; the first request's time stays.
UPDATE jobs_leases SET cancel_requested_at = IFNULL(cancel_requested_at, $2) WHERE seq = $1
