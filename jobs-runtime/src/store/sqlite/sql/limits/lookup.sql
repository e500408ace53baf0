-- Looks up limits by key.
-- $1  JSON array: keys
-- Returns one row, a JSON array of [place of the key, limit, stage, count, period, permits in use,
-- tat (rates only), paused until, whether an enqueue may take free permits]. It may if there is no
-- new waiter, and no waiter of this limit.
SELECT json_group_array(json_array(
    w.key, l.id, l.stage, l.count, l.period_ms, l.in_use, iif(l.period_ms IS NULL, NULL, l.tat),
    l.paused_until,
    NOT EXISTS (SELECT 1 FROM jobs_blocked WHERE limit_id = 0)
        AND (NOT EXISTS (SELECT 1 FROM jobs_blocked)
            OR NOT EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = l.id))
))
FROM json_each($1) AS w
CROSS JOIN jobs_limits AS l ON l.key = w.value
