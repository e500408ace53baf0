-- Second part of an enqueue with limits: returns the id and seq of each execution.
SELECT id, seq FROM created
