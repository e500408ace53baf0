-- Who is ready by the permits of the limits $1: as many of each as $2 says, the last in the order of claims
-- first, of those behind the rank $3 and the number $4. They are locked; what a claim is just taking is
-- passed over. They are said by the order of their index: see claim_groups.sql.
SELECT w.id, r.seq, r.rank, r.limits, COALESCE(r.admitted_at, 0)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    WITH ORDINALITY AS w (id, most, rank, seq, place)
CROSS JOIN LATERAL (
    SELECT b.seq, b.rank, b.limits, b.admitted_at
    FROM jobs.ready AS b
    WHERE (b.last_limit, b.rank, b.seq) > (w.id, w.rank, w.seq) AND b.last_limit <= w.id
    ORDER BY b.last_limit DESC, b.rank DESC, b.seq DESC
    LIMIT w.most
    FOR UPDATE SKIP LOCKED
) AS r
ORDER BY w.place, r.rank DESC, r.seq DESC
