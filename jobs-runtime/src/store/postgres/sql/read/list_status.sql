-- Whether the candidate c stands where $11 says (NULL: anywhere). One look tells for most statuses;
-- what is queued is found by where it is not, since its place in the queue is not known here.
    CASE
        WHEN $11::text IS NULL THEN TRUE
        WHEN $11 = 'running'
            THEN EXISTS (SELECT 1 FROM jobs.leases AS l WHERE l.seq = ANY (ARRAY[c.seq]))
        WHEN $11 = 'pending'
            THEN EXISTS (SELECT 1 FROM jobs.scheduled AS s WHERE s.seq = ANY (ARRAY[c.seq]))
        WHEN $11 = 'queued'
            THEN NOT EXISTS (SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = ANY (ARRAY[c.seq]))
            AND NOT EXISTS (SELECT 1 FROM jobs.scheduled AS s WHERE s.seq = ANY (ARRAY[c.seq]))
            AND NOT EXISTS (SELECT 1 FROM jobs.leases AS l WHERE l.seq = ANY (ARRAY[c.seq]))
        ELSE EXISTS (
            SELECT 1 FROM jobs.outcomes AS o WHERE o.seq = ANY (ARRAY[c.seq]) AND o.status = $11
        )
    END
