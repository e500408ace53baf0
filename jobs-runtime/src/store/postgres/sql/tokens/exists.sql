-- True if there is a token.
SELECT EXISTS (SELECT 1 FROM jobs.tokens)
