-- Checks whether attempts of the session $1 have retained permits and executions are blocked.
SELECT EXISTS (SELECT 1 FROM jobs.retained_permits WHERE session = $1)
    AND (SELECT a.has_waiters FROM jobs.allocator_lock AS a)
