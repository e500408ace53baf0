-- Says the numbers of all, for those who put the others where they belong.
SELECT id, seq FROM created
