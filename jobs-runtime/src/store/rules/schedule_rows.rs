//! The rows of schedules, in the form that both stores read and write.

use jobs::ExecutionId;

use crate::store::{Absence, ScheduleRecord, ScheduleRun, Skip, StoreError};
use crate::time::Timestamp;

/// A schedule as its row: rules as JSON, times in milliseconds.
#[derive(Clone, Debug)]
pub(in crate::store) struct ScheduleRow {
    pub(in crate::store) name: String,
    pub(in crate::store) job_id: String,
    pub(in crate::store) revision: i64,
    pub(in crate::store) rule: String,
    pub(in crate::store) payload: Option<String>,
    pub(in crate::store) declared: Option<String>,
    pub(in crate::store) overridden: bool,
    pub(in crate::store) paused_at: Option<i64>,
    pub(in crate::store) absent: Option<String>,
    pub(in crate::store) evaluated_until: i64,
    pub(in crate::store) due_at: Option<i64>,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) updated_at: i64,
}

impl ScheduleRow {
    /// The row of a schedule.
    pub(in crate::store) fn of(record: &ScheduleRecord) -> Result<Self, StoreError> {
        let json = |rule| {
            serde_json::to_string(rule).map_err(|error| corrupt(&record.name, &error.to_string()))
        };
        Ok(Self {
            name: record.name.clone(),
            job_id: record.job_id.clone(),
            revision: i64::try_from(record.revision).unwrap_or(i64::MAX),
            rule: json(&record.rule)?,
            payload: record.payload.clone(),
            declared: record.declared.as_ref().map(json).transpose()?,
            overridden: record.overridden,
            paused_at: record.paused_at.map(Timestamp::as_millis),
            absent: record.absent.map(|absent| absent.as_str().to_owned()),
            evaluated_until: record.evaluated_until.as_millis(),
            due_at: record.due_at.map(Timestamp::as_millis),
            created_at: record.created_at.as_millis(),
            updated_at: record.updated_at.as_millis(),
        })
    }

    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a newer program has written a rule that this one cannot read.
    pub(in crate::store) fn read(self) -> Result<ScheduleRecord, StoreError> {
        let parse = |text: &str| {
            serde_json::from_str(text).map_err(|error| corrupt(&self.name, &error.to_string()))
        };
        Ok(ScheduleRecord {
            rule: parse(&self.rule)?,
            declared: self.declared.as_deref().map(parse).transpose()?,
            revision: u64::try_from(self.revision).unwrap_or(0),
            job_id: self.job_id,
            payload: self.payload,
            overridden: self.overridden,
            paused_at: self.paused_at.map(Timestamp::from_millis),
            absent: self.absent.as_deref().map(Absence::of),
            evaluated_until: Timestamp::from_millis(self.evaluated_until),
            due_at: self.due_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            name: self.name,
        })
    }

    /// Reads rows. Those that cannot be read are logged and left out: one row of a newer program
    /// must not stop every schedule.
    pub(in crate::store) fn read_all(rows: Vec<Self>) -> Vec<ScheduleRecord> {
        let records = rows.into_iter().map(Self::read);
        records
            .filter_map(|record| {
                record
                    .inspect_err(|error| tracing::warn!(%error, "left out a schedule"))
                    .ok()
            })
            .collect()
    }
}

fn corrupt(name: &str, reason: &str) -> StoreError {
    StoreError::Corrupt {
        what: format!("the rule of schedule `{name}`"),
        reason: reason.to_owned(),
    }
}

/// A run as its row.
#[derive(Clone, Debug)]
pub(in crate::store) struct RunRow {
    pub(in crate::store) time: i64,
    pub(in crate::store) manual: bool,
    pub(in crate::store) fired_at: i64,
    pub(in crate::store) execution_id: Option<ExecutionId>,
    pub(in crate::store) reason: Option<String>,
    pub(in crate::store) detail: Option<String>,
}

impl RunRow {
    /// The row of a run.
    pub(in crate::store) fn of(run: &ScheduleRun) -> Self {
        let (reason, detail) = match &run.skipped {
            Some(Skip { reason, detail }) => (Some(reason.clone()), Some(detail.clone())),
            None => (None, None),
        };
        Self {
            time: run.time.as_millis(),
            manual: run.manual,
            fired_at: run.fired_at.as_millis(),
            execution_id: run.execution_id,
            reason,
            detail,
        }
    }

    /// Reads the row.
    pub(in crate::store) fn read(self) -> ScheduleRun {
        ScheduleRun {
            time: Timestamp::from_millis(self.time),
            manual: self.manual,
            fired_at: Timestamp::from_millis(self.fired_at),
            execution_id: self.execution_id,
            skipped: self.reason.map(|reason| Skip {
                reason,
                detail: self.detail.unwrap_or_default(),
            }),
        }
    }
}
