-- Returns the tables with about their rows and with their bytes, indexes included. Reads every
-- page.
SELECT
    s.tbl_name AS name,
    SUM(iif(s.type = 'table', d.ncell, 0)) AS row_estimate,
    SUM(d.pgsize) AS bytes
FROM dbstat AS d
JOIN sqlite_schema AS s ON s.name = d.name
WHERE d.aggregate = TRUE AND s.tbl_name LIKE 'jobs\_%' ESCAPE '\'
GROUP BY s.tbl_name
ORDER BY bytes DESC, name
