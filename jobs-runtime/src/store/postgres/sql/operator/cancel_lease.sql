-- Asks for the cancellation of the running execution $1 at $2; the first request's time stays.
UPDATE jobs.leases SET cancel_requested_at = COALESCE(cancel_requested_at, $2) WHERE seq = $1
