-- What a claim is about to lease, in its order; empty between claims. Belongs to the connection.
CREATE TEMP TABLE IF NOT EXISTS jobs_taken (
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
