-- Reads the ids of the executions with the seqs $1.
SELECT id FROM jobs.executions WHERE seq = ANY ($1)
