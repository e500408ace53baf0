-- The rows that a claim is about to lease, in the order of claims. Empty between two claims. A
-- temporary table belongs to its connection, and only the writer has one.
CREATE TEMP TABLE IF NOT EXISTS jobs_claimed_rows (
    place     INTEGER PRIMARY KEY,
    queue     TEXT    NOT NULL,
    rank      INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    job_id    TEXT    NOT NULL,
    attempt   INTEGER NOT NULL,
    spent     INTEGER NOT NULL,
    limits    TEXT,
    admitted_at INTEGER
)
