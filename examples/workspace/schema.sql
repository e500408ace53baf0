CREATE TABLE IF NOT EXISTS workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS members (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    subject TEXT NOT NULL,
    role TEXT NOT NULL,
    UNIQUE (workspace_id, subject)
);

INSERT INTO workspaces (id, name) VALUES ('ws-1', 'The first workspace')
ON CONFLICT (id) DO NOTHING;
