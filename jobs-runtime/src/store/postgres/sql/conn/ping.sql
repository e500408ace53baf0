-- Checks that the database can be read and written, and changes no data.
-- A row lock is written to the WAL and to the row's page. The row always exists. Apart from pings,
-- only a transfer locks it, at the end of its transaction.
SELECT id FROM jobs.installation FOR UPDATE
