-- Requests the cancellation of the running execution $1 at the time $2.
-- The time of the first request is kept.
UPDATE jobs.leases SET cancel_requested_at = COALESCE(cancel_requested_at, $2) WHERE seq = $1
