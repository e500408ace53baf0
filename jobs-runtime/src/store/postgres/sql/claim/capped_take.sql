-- Claims selected executions: those of ranks $4 and seqs $5 that are still ready.
-- $1 session, $2 claim number, $3 time. Returns the leased executions (`lease.sql`). A row that
-- another transaction has locked is skipped.
WITH taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid
        FROM unnest($4::smallint[], $5::bigint[]) AS c (rank, seq)
        JOIN jobs.ready AS r ON r.rank = ANY (ARRAY[c.rank]) AND r.seq = ANY (ARRAY[c.seq])
        WHERE COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
                WHERE e.seq = r.seq), TRUE)
        FOR UPDATE OF r SKIP LOCKED
    ))
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
