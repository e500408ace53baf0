-- When the next scheduled execution is due, and the next one after $1; when a limit is to be looked at;
-- whether somebody stands at the door; whether permits have come back, or will because the session of an
-- attempt that kept them is over.
SELECT
    (SELECT run_at FROM jobs.scheduled ORDER BY run_at LIMIT 1),
    (SELECT run_at FROM jobs.scheduled WHERE run_at > $1 ORDER BY run_at LIMIT 1),
    (SELECT check_at FROM jobs.limits WHERE check_at IS NOT NULL ORDER BY check_at LIMIT 1),
    EXISTS (SELECT 1 FROM jobs.blocked WHERE limit_id = 0),
    EXISTS (SELECT 1 FROM jobs.permit_events) OR EXISTS (SELECT 1 FROM jobs.released_permits)
    OR EXISTS (
        SELECT 1 FROM jobs.retained_permits AS s
        WHERE NOT EXISTS (SELECT 1 FROM jobs.beats AS b WHERE b.session = s.session)
    )
