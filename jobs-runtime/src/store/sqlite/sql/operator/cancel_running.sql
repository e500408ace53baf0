-- Requests the cancellation of a running execution. An earlier request keeps its time.
-- $1  the seq of the execution
-- $2  the present time
UPDATE jobs_leases SET cancel_requested_at = IFNULL(cancel_requested_at, $2) WHERE seq = $1
