CREATE TABLE IF NOT EXISTS designs (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    complete INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS items (
    design_id TEXT NOT NULL REFERENCES designs (id),
    position INTEGER NOT NULL,
    part_id TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (design_id, position)
);

CREATE TABLE IF NOT EXISTS instructions (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    owner TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS instruction_parts (
    instruction_id TEXT NOT NULL REFERENCES instructions (id),
    part_id TEXT NOT NULL,
    PRIMARY KEY (part_id, instruction_id)
);

-- A design of a gearbox with 250 items, and two instructions that use its shaft.
INSERT INTO designs (id, name, complete) VALUES ('gearbox', 'Gearbox', TRUE)
ON CONFLICT (id) DO NOTHING;

WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 250)
INSERT INTO items (design_id, position, part_id, quantity)
SELECT 'gearbox', n, CASE WHEN n = 1 THEN 'shaft' ELSE 'bolt-' || n END, 1 + n % 4
FROM count
WHERE TRUE
ON CONFLICT (design_id, position) DO NOTHING;

INSERT INTO instructions (id, title, owner)
VALUES
    ('wi-1', 'Mount the shaft', 'alice@example.org'),
    ('wi-2', 'Oil the shaft', 'bob@example.org')
ON CONFLICT (id) DO NOTHING;

INSERT INTO instruction_parts (instruction_id, part_id) VALUES ('wi-1', 'shaft'), ('wi-2', 'shaft')
ON CONFLICT (part_id, instruction_id) DO NOTHING;
