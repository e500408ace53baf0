-- The table of apalis-sqlite 1.0 after its migrations, with rows in each status.
CREATE TABLE Workers (
    id TEXT NOT NULL UNIQUE,
    worker_type TEXT NOT NULL,
    storage_name TEXT NOT NULL,
    layers TEXT,
    last_seen INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER
);
CREATE TABLE Jobs (
    job BLOB NOT NULL,
    id TEXT NOT NULL UNIQUE PRIMARY KEY,
    job_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'Pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL DEFAULT 25,
    run_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
    last_result TEXT,
    lock_at INTEGER,
    lock_by TEXT REFERENCES Workers (id),
    done_at INTEGER,
    priority INTEGER NOT NULL DEFAULT 0,
    metadata TEXT
);
INSERT INTO Workers (id, worker_type, storage_name) VALUES ('worker-1', 'sums', 'SqliteStorage');
INSERT INTO Jobs (job, id, job_type, status, attempts, run_at, lock_by, priority) VALUES
    (CAST('{"a":1,"b":2}' AS BLOB), '01A', 'app::Sum', 'Pending', 0, 1700000000, NULL, 0),
    (CAST('{"a":2,"b":2}' AS BLOB), '01B', 'app::Sum', 'Pending', 0, 32503680000, NULL, 20),
    (CAST('{"a":3,"b":2}' AS BLOB), '01C', 'app::Sum', 'Failed', 3, 1700000000, 'worker-1', 0),
    (CAST('{"a":4,"b":2}' AS BLOB), '01D', 'app::Sum', 'Failed', 25, 1700000000, 'worker-1', 0),
    (CAST('{"a":5,"b":2}' AS BLOB), '01E', 'app::Sum', 'Done', 1, 1700000000, 'worker-1', 0),
    (CAST('{"a":6,"b":2}' AS BLOB), '01F', 'app::Sum', 'Running', 1, 1700000000, 'worker-1', 0),
    (CAST('{"a":"x"}' AS BLOB), '01G', 'app::Sum', 'Pending', 0, 1700000000, NULL, 0),
    (CAST('{"a":7}' AS BLOB), '01H', 'app::Unknown', 'Pending', 0, 1700000000, NULL, 0);
