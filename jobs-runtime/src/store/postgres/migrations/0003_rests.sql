-- Finds the limits that are to rest, among everything else that has become of permits.
CREATE INDEX permit_rests ON jobs.permit_events (limit_id) WHERE kind = 'rest';
