-- The limits with the keys of the array $1, as an array of arrays: the place of the key, the limit, whether whoever
-- finds room there may pass (nobody waits, at the door or here, and nothing makes the limit rest), and whether there
-- are permits that have come back and are not counted.
SELECT json_group_array(json_array(
    w.key, l.id, l.stage, l.count, l.period_ms, l.in_use, iif(l.period_ms IS NULL, NULL, l.tat),
    NOT EXISTS (SELECT 1 FROM jobs_blocked WHERE limit_id = 0)
        AND (NOT EXISTS (SELECT 1 FROM jobs_blocked) OR NOT EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = l.id))
        AND (
            NOT EXISTS (SELECT 1 FROM jobs_permit_events WHERE kind = 'pause')
            OR NOT EXISTS (SELECT 1 FROM jobs_permit_events AS e WHERE e.limit_id = l.id AND e.kind = 'pause')
        ),
    EXISTS (SELECT 1 FROM jobs_released_permits)
))
FROM json_each($1) AS w
CROSS JOIN jobs_limits AS l ON l.key = w.value
