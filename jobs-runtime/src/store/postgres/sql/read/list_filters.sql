-- Fragment: filters a list of executions by their rows. NULL: no filter.
-- $3 job, $4 queue, $5 item, $6 correlation id, $7 creator, $8 tag, $9 created since, $10 created
-- before, $13 text of the payload, $14 parent, $15 shortest duration of final executions.
    ($3::text IS NULL OR x.job_id = $3)
    AND ($4::text IS NULL OR x.queue = $4)
    AND ($5::text IS NULL OR x.item_id = $5)
    AND ($6::text IS NULL OR x.correlation_id = $6)
    AND ($7::text IS NULL OR x.created_by = $7)
    AND ($8::text IS NULL OR $8 = ANY (x.tags))
    AND ($9::bigint IS NULL OR x.created_at >= $9)
    AND ($10::bigint IS NULL OR x.created_at < $10)
    AND ($13::text IS NULL OR strpos(x.payload, $13) > 0)
    AND ($14::uuid IS NULL OR x.parent_id = $14)
    AND ($15::bigint IS NULL OR EXISTS (
        SELECT 1 FROM jobs.outcomes AS d
        WHERE d.seq = ANY (ARRAY[x.seq]) AND d.finished_at - d.started_at >= $15
    ))
