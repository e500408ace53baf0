-- Fragment: whether the candidate c has the status $11 (NULL: any).
-- One lookup decides for most statuses. A queued execution is one that is in no other state: its
-- row in `ready` has a rank that is not known here.
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
