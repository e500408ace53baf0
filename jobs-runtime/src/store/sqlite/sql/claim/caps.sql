-- Passes over what a claim has taken beyond its slot_caps: of the queues in the object $17 more than they say, and
-- likewise of the jobs in the object $18.
DELETE FROM temp.jobs_taken
WHERE place IN (
    SELECT place
    FROM (
        SELECT t.place, t.queue, ROW_NUMBER() OVER (PARTITION BY t.queue ORDER BY t.place) AS nth
        FROM temp.jobs_taken AS t
    ) AS t
    CROSS JOIN json_each($17) AS c ON c.key = t.queue
    WHERE t.nth > c.value
);

DELETE FROM temp.jobs_taken
WHERE place IN (
    SELECT place
    FROM (
        SELECT t.place, t.job_id, ROW_NUMBER() OVER (PARTITION BY t.job_id ORDER BY t.place) AS nth
        FROM temp.jobs_taken AS t
    ) AS t
    CROSS JOIN json_each($18) AS c ON c.key = t.job_id
    WHERE t.nth > c.value
);
