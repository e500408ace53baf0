-- Returns the keys of up to $2 requests that are due at the time $1, the oldest first.
SELECT not_before, seq FROM jobs.inbox WHERE not_before <= $1 ORDER BY not_before, seq LIMIT $2
