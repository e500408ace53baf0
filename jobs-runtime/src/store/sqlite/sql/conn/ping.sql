-- Dirties a page and leaves it as it was: a disk that is full or read-only says so. A row that is
-- overwritten by itself would not do, SQLite sees that nothing has changed.
INSERT INTO jobs_installation (id) VALUES ('');
DELETE FROM jobs_installation WHERE id = '';
