-- Filters a list of executions, by the rows of execution.sql. A NULL is no filter.
-- $3  job           $6  correlation id   $9   created at or after
-- $4  queue         $7  creator          $10  created before
-- $5  item id       $8  tag              $11  status
-- $13  text of the payload               $14  parent       $15  shortest duration, if final
    ($3 IS NULL OR x.job_id = $3)
    AND ($4 IS NULL OR x.queue = $4)
    AND ($5 IS NULL OR x.item_id = $5)
    AND ($6 IS NULL OR x.correlation_id = $6)
    AND ($7 IS NULL OR x.created_by = $7)
    AND ($8 IS NULL OR EXISTS (SELECT 1 FROM json_each(x.tags) WHERE value = $8))
    AND ($9 IS NULL OR x.created_at >= $9)
    AND ($10 IS NULL OR x.created_at < $10)
    AND ($11 IS NULL OR execution_status = $11)
    AND ($13 IS NULL OR instr(x.payload, $13) > 0)
    AND ($14 IS NULL OR x.parent_id = $14)
    AND ($15 IS NULL OR o.finished_at - o.started_at >= $15)
