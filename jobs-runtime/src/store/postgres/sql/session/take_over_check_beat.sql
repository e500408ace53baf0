-- Whether the beat of the session $1 is still $2. It stays so until the end of the transaction.
SELECT beat = $2 FROM jobs.beats WHERE session = $1 FOR UPDATE
