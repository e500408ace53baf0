-- Passes over what a claim has taken of executions with limits beyond $16.
DELETE FROM temp.jobs_taken
WHERE $16 IS NOT NULL AND place IN (
    SELECT place FROM temp.jobs_taken WHERE limits IS NOT NULL ORDER BY place LIMIT -1 OFFSET $16
);

-- What is handed out goes by places without gaps.
UPDATE temp.jobs_taken
SET place = -n.place
FROM (
    SELECT place AS old, ROW_NUMBER() OVER (ORDER BY place) AS place
    FROM temp.jobs_taken
    WHERE (SELECT MAX(place) <> COUNT(*) FROM temp.jobs_taken)
) AS n
WHERE jobs_taken.place = n.old;

UPDATE temp.jobs_taken SET place = -place WHERE place < 0;
