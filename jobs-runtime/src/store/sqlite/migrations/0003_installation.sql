-- Names this layout, whatever its file is called: a transaction is on this database if it reads the
-- same name from the same file.
CREATE TABLE jobs_installation (id TEXT NOT NULL);
INSERT INTO jobs_installation (id) VALUES (lower(hex(randomblob(16))));
