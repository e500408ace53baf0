-- Limits of many keys: what is written for each execution by itself, put together.

-- Finds those that are ready by the permit of a limit, as before, but by stretches of 512 numbers: what is
-- claimed together was mostly written together, and leaves this index from few pages, however many limits it has.
DROP INDEX jobs_ready_by_limit;
CREATE INDEX jobs_ready_by_limit ON jobs_ready (seq >> 9, last_limit, rank, seq)
    WHERE last_limit IS NOT NULL;

-- Whether any limit is a rate, whose starts count.
CREATE INDEX jobs_limits_rates ON jobs_limits (id) WHERE kind = 'rate';

-- Permits that came back while nobody waited, and are not taken off the numbers in jobs_limits yet: a JSON array of
-- their limits, of each as often as permits came back. Until somebody needs to know, so that many limits are not written one by one at each end.
CREATE TABLE jobs_returned (
    id      INTEGER PRIMARY KEY,
    permits TEXT    NOT NULL
);

-- Where those may be who are ready by a limit's permits: from which number to which, and the rank of the least urgent.
-- Never too small, and begun anew when all permits are back.
ALTER TABLE jobs_limits ADD COLUMN reach_first INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs_limits ADD COLUMN reach_last INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE jobs_limits ADD COLUMN reach_rank INTEGER NOT NULL DEFAULT 9223372036854775807;
