-- Removes chosen rows of executions with limits beyond a maximum. The first rows in the order of
-- claims stay. The places of the remaining rows are then numbered without gaps, for lease.sql.
-- $16  the most rows with limits; NULL for no maximum
DELETE FROM temp.jobs_claimed_rows
WHERE $16 IS NOT NULL AND place IN (
    SELECT place FROM temp.jobs_claimed_rows WHERE limits IS NOT NULL ORDER BY place LIMIT -1 OFFSET $16
);

-- Negative places first: a new place must not collide with an old one.
UPDATE temp.jobs_claimed_rows
SET place = -n.place
FROM (
    SELECT place AS old, ROW_NUMBER() OVER (ORDER BY place) AS place
    FROM temp.jobs_claimed_rows
    WHERE (SELECT MAX(place) <> COUNT(*) FROM temp.jobs_claimed_rows)
) AS n
WHERE jobs_claimed_rows.place = n.old;

UPDATE temp.jobs_claimed_rows SET place = -place WHERE place < 0;
