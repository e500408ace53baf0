-- Permits that come back together, one row for all that end together: how many of which limits, in two arrays, and
-- how many limits those are. A table of its own: programs that do not know it yet do not take from it.
CREATE TABLE jobs.returned (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size   bigint NOT NULL,
    limits bigint[] NOT NULL,
    counts bigint[] NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);

-- Finds the limits that are rates, whose starts count.
CREATE INDEX limits_rates ON jobs.limits (id) WHERE kind = 'rate';
