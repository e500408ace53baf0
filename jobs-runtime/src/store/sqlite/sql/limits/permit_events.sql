-- Takes what became of permits.
DELETE FROM jobs_permit_events RETURNING limit_id, kind, count, at
