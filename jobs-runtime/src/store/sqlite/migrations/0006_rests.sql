-- Finds the limits that are to rest, among everything else that has become of permits.
CREATE INDEX jobs_permit_rests ON jobs_permit_events (limit_id) WHERE kind = 'rest';
