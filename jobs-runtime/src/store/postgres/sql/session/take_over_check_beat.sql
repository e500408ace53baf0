-- Locks the beat of the open session $1. Returns true if it is still $2.
SELECT beat = $2 FROM jobs.beats WHERE session = $1 FOR UPDATE
