-- From where to where anybody is ready by a permit, in stretches of the index.
SELECT
    (SELECT MIN(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL),
    (SELECT MAX(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL)
