-- Adds entries to the audit log.
-- $1  the entries, as a JSON array
INSERT INTO jobs.audit (at, actor, role, address, action, target, before, after)
SELECT e.at, e.actor, e.role, e.address, e.action, e.target, e.before, e.after
FROM json_to_recordset($1::json) AS e (
    at bigint, actor text, role text, address text, action text, target text, before text,
    after text
)
