-- Renews the open ones among the sessions $1 at the time $2. Returns their ids.
-- Locks them in the order of their ids, so that two servers cannot deadlock.
WITH open AS (
    SELECT session FROM jobs.beats WHERE session = ANY ($1::bigint[]) ORDER BY session FOR UPDATE
)
UPDATE jobs.beats AS b SET beat = beat + 1, renewed_at = $2
FROM open
WHERE b.session = open.session
RETURNING b.session
