-- Returns the size of the database in bytes, without the write-ahead log.
SELECT page_count * page_size FROM pragma_page_count, pragma_page_size
