-- Removes chosen rows beyond the slot caps of a claim. The first rows in the order of claims stay.
-- $17  JSON object: the most rows per queue
-- $18  JSON object: the most rows per job id
DELETE FROM temp.jobs_claimed_rows
WHERE place IN (
    SELECT place
    FROM (
        SELECT t.place, t.queue, ROW_NUMBER() OVER (PARTITION BY t.queue ORDER BY t.place) AS nth
        FROM temp.jobs_claimed_rows AS t
    ) AS t
    CROSS JOIN json_each($17) AS c ON c.key = t.queue
    WHERE t.nth > c.value
);

DELETE FROM temp.jobs_claimed_rows
WHERE place IN (
    SELECT place
    FROM (
        SELECT t.place, t.job_id, ROW_NUMBER() OVER (PARTITION BY t.job_id ORDER BY t.place) AS nth
        FROM temp.jobs_claimed_rows AS t
    ) AS t
    CROSS JOIN json_each($18) AS c ON c.key = t.job_id
    WHERE t.nth > c.value
);
