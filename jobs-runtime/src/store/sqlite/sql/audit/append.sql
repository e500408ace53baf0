-- Adds an entry to the audit log.
-- $1 time, $2 actor, $3 role, $4 address, $5 action, $6 target, $7 before, $8 after
INSERT INTO jobs_audit (at, actor, role, address, action, target, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
