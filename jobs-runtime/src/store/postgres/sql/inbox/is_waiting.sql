-- Returns true if a request is due at the time $1.
SELECT EXISTS (SELECT FROM jobs.inbox WHERE not_before <= $1)
