//! Schedules, their runs, and queues.

use super::{Columns, readable_rows};
use crate::store::rules::schedule_rows::{RunRow, ScheduleRow};
use crate::store::{QueueRecord, ScheduleRun};

/// Reads the rows of `schedules/list.sql` and `schedules/due.sql`.
pub(in crate::store) fn schedules<R: Columns>(rows: &[R]) -> Result<Vec<ScheduleRow>, R::Error> {
    let schedule = |row: &R| {
        Ok(ScheduleRow {
            name: row.text("name")?,
            job_id: row.text("job_id")?,
            revision: row.integer("revision")?,
            rule: row.json("rule")?,
            payload: row.opt_json("payload")?,
            declared: row.opt_json("declared")?,
            overridden: row.flag("overridden")?,
            paused_at: row.opt_integer("paused_at")?,
            absent: row.opt_json("absent")?,
            evaluated_until: row.integer("evaluated_until")?,
            due_at: row.opt_integer("due_at")?,
            created_at: row.integer("created_at")?,
            updated_at: row.integer("updated_at")?,
        })
    };
    rows.iter().map(schedule).collect()
}

/// Reads the rows of `schedules/runs.sql`.
pub(in crate::store) fn runs<R: Columns>(rows: &[R]) -> Result<Vec<ScheduleRun>, R::Error> {
    let run = |row: &R| {
        let row = RunRow {
            time: row.integer("time")?,
            manual: row.flag("manual")?,
            fired_at: row.integer("fired_at")?,
            execution_id: row.opt_id("execution_id")?,
            reason: row.opt_text("reason")?,
            detail: row.opt_text("detail")?,
        };
        Ok(row.read())
    };
    rows.iter().map(run).collect()
}

/// Reads the rows of `operator/queues.sql`.
pub(in crate::store) fn queues<R: Columns>(rows: &[R]) -> Result<Vec<QueueRecord>, R::Error> {
    readable_rows("a queue", rows, |row| {
        let bounds = [
            ("pending", row.flag("is_pending_bounded")?),
            ("ready", row.flag("is_ready_bounded")?),
            ("blocked", row.flag("is_blocked_bounded")?),
            ("oldestDueAt", row.flag("is_oldest_bounded")?),
        ];
        let at_least = bounds.into_iter().filter(|(_, is_bounded)| *is_bounded);
        Ok(QueueRecord {
            at_least: at_least.map(|(count, _)| count.to_owned()).collect(),
            queue: row.text("queue")?,
            paused_at: row.opt_time("paused_at")?,
            paused_by: row.opt_text("paused_by")?,
            pause_reason: row.opt_text("pause_reason")?,
            pending: row.integer("pending")?,
            ready: row.integer("ready")?,
            blocked: row.integer("blocked")?,
            running: row.integer("running")?,
            oldest_due_at: row.opt_time("oldest_due_at")?,
        })
    })
}
