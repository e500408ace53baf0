-- Writes a page and leaves its content as it was, so that a full or read-only disk is an error.
-- Overwriting a row with itself would not do: SQLite does not write an unchanged page.
INSERT INTO jobs_installation (id) VALUES ('');
DELETE FROM jobs_installation WHERE id = '';
