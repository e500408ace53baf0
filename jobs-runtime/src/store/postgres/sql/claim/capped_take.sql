-- Leases the ready executions with the ranks $4 and the numbers $5, those that are still there, to the
-- claim $2 of the session $1.
WITH taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid
        FROM unnest($4::smallint[], $5::bigint[]) AS c (rank, seq)
        JOIN jobs.ready AS r ON r.rank = ANY (ARRAY[c.rank]) AND r.seq = ANY (ARRAY[c.seq])
        FOR UPDATE OF r SKIP LOCKED
    ))
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
