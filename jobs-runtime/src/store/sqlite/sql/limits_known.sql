-- The limits with the keys of the array $1, as an array of arrays, and whether whoever finds room there may pass: nobody waits, at
-- the door or here, and nothing makes the limit rest.
SELECT json_group_array(json_array(
    l.id, l.stage, l.kind, l.count, l.period_ms, l.granted, l.arrival, l.look_at,
    NOT EXISTS (SELECT 1 FROM jobs_held WHERE limit_id = 0)
        AND NOT EXISTS (SELECT 1 FROM jobs_held AS h WHERE h.limit_id = l.id)
        AND NOT EXISTS (
            SELECT 1 FROM jobs_permit_events AS e WHERE e.limit_id = l.id AND e.kind = 'rest'
        ),
    l.key
))
FROM jobs_limits AS l
WHERE l.key IN (SELECT value FROM json_each($1))
