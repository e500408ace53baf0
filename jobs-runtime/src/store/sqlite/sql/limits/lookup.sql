-- Looks up limits by key.
-- $1  JSON array: keys
-- Returns one row, a JSON array of [place of the key, limit, stage, count, period, permits in use,
-- tat (rates only), whether an enqueue may take free permits, whether released permits are still to
-- be subtracted]. An enqueue may take them if there is no new waiter, no waiter of this limit, and
-- no pause that is still to be counted.
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
