-- Extends the range of imported executions that are out of order by the seqs from $1 to $2.
UPDATE jobs_installation
SET
    unordered_from = min(COALESCE(unordered_from, $1), $1),
    unordered_to = max(COALESCE(unordered_to, $2), $2)
