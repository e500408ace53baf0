-- The file of the main database, empty if it is in memory, and the name of the layout in it.
SELECT (SELECT file FROM pragma_database_list WHERE name = 'main'), id FROM jobs_installation
