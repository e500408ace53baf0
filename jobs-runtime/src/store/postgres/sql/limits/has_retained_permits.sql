-- Whether attempts of the session $1 have kept permits that others may wait for.
SELECT EXISTS (SELECT 1 FROM jobs.retained_permits WHERE session = $1) AND EXISTS (SELECT 1 FROM jobs.blocked)
