-- Extends the range of imported executions that are out of order by the seqs from $1 to $2.
UPDATE jobs.installation
SET unordered_from = LEAST(unordered_from, $1), unordered_to = GREATEST(unordered_to, $2)
