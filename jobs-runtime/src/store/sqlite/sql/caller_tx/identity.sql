-- Reads the identity of a connection's main database.
-- Returns one row: the path of its file (empty for a database in memory), the id of its layout.
SELECT (SELECT file FROM pragma_database_list WHERE name = 'main'), id FROM jobs_installation
