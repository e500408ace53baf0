-- Claims selected executions: those of ranks $4 and seqs $5 that are still ready.
-- $1 session, $2 claim number, $3 time. Returns the leased executions (`lease.sql`). A row that
-- another transaction has locked is skipped. Rows are looked up as in `by_id.sql`.
WITH taken AS (
    DELETE FROM jobs.ready
    WHERE ctid = ANY (ARRAY(
        SELECT h.place
        FROM unnest($4::smallint[], $5::bigint[]) AS c (rank, seq)
        CROSS JOIN LATERAL (
            SELECT r.ctid AS place
            FROM jobs.ready AS r
            WHERE r.rank = c.rank AND r.seq = c.seq
                AND COALESCE((SELECT e.expires_at > $3 FROM jobs.expirations AS e
                    WHERE e.seq = r.seq), TRUE)
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS h
    ))
    RETURNING rank, seq, attempt, spent, limits, GREATEST($3, admitted_at) AS start
),
