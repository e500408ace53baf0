//! Schedules: publication from attributes, operators' changes, and the execution of a time.
//!
//! Every change reads the schedule, changes it, and writes it under the revision that was read. If
//! another writer was faster, the change is made again.
//!
//! `change` holds the new and the changed schedules of operators. The folder may import `schedule`,
//! the rest of `service` and the store contract. It must not import the engine: the scheduler calls
//! it through a function that the runtime passes on.

mod change;
mod error;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jobs::runtime::{EnqueueRequest, TriggeredBy};
use jobs::{ExecutionStatus, ScheduleRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::enqueue::check_payload;
use super::error::ServiceError;
use super::suggest::similar_names;
use super::{JobService, KnownJob, mask};
use crate::schedule::Timetable;
use crate::store::{
    Absence, NewExecution, ScheduleRecord, ScheduleRun, ScheduledTime, Skip, StoreError,
};
use crate::time::Timestamp;
use change::{check_rule, declare, plan_from};

pub use change::{NewSchedule, ScheduleEdit};
pub use error::ScheduleError;

/// The next times that a view of a schedule shows.
const SHOWN_TIMES: usize = 5;

/// The last runs that a view of a schedule shows.
const SHOWN_RUNS: usize = 30;

/// The number of times that a change is made again because another writer was faster.
const MAX_TRIES: usize = 20;

/// A schedule for people.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    /// The name, and the id in paths.
    pub id: String,
    /// The job.
    pub job_id: String,
    /// The rule in force.
    #[serde(flatten)]
    pub rule: ScheduleRule,
    /// The payload of its executions; the job's defaults if `None`.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub payload: Option<Box<serde_json::value::RawValue>>,
    /// `active`, `paused` or `absent`.
    pub status: Cow<'static, str>,
    /// The time at which an operator paused it.
    pub paused_at: Option<Timestamp>,
    /// The reason why it is absent: `job` or `declaration`.
    pub absent: Option<Absence>,
    /// The rule of the attribute; `None` for a schedule that was created at run time.
    pub declared: Option<ScheduleRule>,
    /// True if an operator has replaced the rule of the attribute.
    pub overridden: bool,
    /// The next time, without the delay by jitter. `None` unless the schedule is active.
    pub next_time: Option<Timestamp>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of the last change by a program or an operator.
    pub updated_at: Timestamp,
}

/// A schedule with its next times and its last runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleDetails {
    /// The schedule.
    #[serde(flatten)]
    pub schedule: ScheduleView,
    /// The next five times. Empty unless the schedule is active.
    pub next_times: Vec<Timestamp>,
    /// The last thirty runs, newest first.
    pub runs: Vec<ScheduleRun>,
    /// The status of each run's execution, in the order of `runs`; `None` if there is none.
    pub run_statuses: Vec<Option<ExecutionStatus>>,
}

impl ScheduleView {
    fn of(record: ScheduleRecord, now: Timestamp) -> Self {
        let next = next_times(&record, now, 1);
        Self {
            status: match (record.absent, record.paused_at) {
                (Some(_), _) => "absent".into(),
                (None, Some(_)) => "paused".into(),
                (None, None) => "active".into(),
            },
            payload: record
                .payload
                .and_then(|payload| serde_json::value::RawValue::from_string(payload).ok()),
            next_time: next.first().copied(),
            id: record.name,
            job_id: record.job_id,
            rule: record.rule,
            paused_at: record.paused_at,
            absent: record.absent,
            declared: record.declared,
            overridden: record.overridden,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// The first times that are still to come.
fn next_times(record: &ScheduleRecord, now: Timestamp, count: usize) -> Vec<Timestamp> {
    if record.paused_at.is_some() || record.absent.is_some() {
        return Vec::new();
    }
    match Timetable::new(&record.rule) {
        Ok(timetable) => timetable.upcoming(record.evaluated_until.max(now), count),
        Err(_) => Vec::new(),
    }
}

impl JobService {
    /// Lists the schedules, sorted by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, StoreError> {
        let schedules = self.inner.store.schedules().await?;
        let now = self.now();
        let views = schedules.into_iter();
        Ok(views.map(|record| ScheduleView::of(record, now)).collect())
    }

    /// Returns a schedule with its next five times and its last thirty runs.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`] with similar names, or the store's.
    pub async fn schedule(&self, name: &str) -> Result<ScheduleDetails, ScheduleError> {
        let record = self.schedule_record(name).await?;
        let store = &self.inner.store;
        let runs = store.schedule_runs(name.to_owned(), SHOWN_RUNS).await?;
        let ids = runs.iter().filter_map(|run| run.execution_id).collect();
        let states = store.execution_states(ids).await?;
        let status_of = |run: &ScheduleRun| {
            let mut states = states.iter();
            let state = states.find(|state| Some(state.execution_id) == run.execution_id);
            state.map(|state| state.status)
        };
        let now = self.now();
        Ok(ScheduleDetails {
            run_statuses: runs.iter().map(status_of).collect(),
            next_times: next_times(&record, now, SHOWN_TIMES),
            schedule: ScheduleView::of(record, now),
            runs,
        })
    }

    /// Returns the next times of a rule: UTC and the defaults, changed by `edit`. Stores nothing.
    ///
    /// # Errors
    /// The rule is invalid.
    #[cfg(feature = "http")]
    pub(crate) fn rule_times(&self, edit: &ScheduleEdit) -> Result<Vec<Timestamp>, ScheduleError> {
        let mut rule = ScheduleRule::new("");
        let violations = edit.apply(&mut rule);
        match Timetable::new(&rule) {
            Ok(timetable) if violations.is_empty() => {
                Ok(timetable.upcoming(self.now(), SHOWN_TIMES))
            }
            _ => Err(ScheduleError::Invalid(violations)),
        }
    }

    /// Creates a schedule. Its first time is after now.
    ///
    /// # Errors
    /// The job is unknown, the rule or the payload is invalid, the name is taken, or the store's.
    pub async fn create_schedule(
        &self,
        new: NewSchedule,
    ) -> Result<ScheduleDetails, ScheduleError> {
        let job = self.job(&new.job_id).await?;
        let violations = new.violations();
        if !violations.is_empty() {
            return Err(ScheduleError::Invalid(violations));
        }
        let payload = new.payload.clone().unwrap_or_else(|| "{}".to_owned());
        check_payload(0, payload, &job)?;
        let record = new.into_record(job.id(), self.now())?;
        let name = record.name.clone();
        let after = audited(&record);
        if !self.inner.store.add_schedule(record, Vec::new()).await? {
            return Err(ScheduleError::Exists(name));
        }
        self.inner.schedule_changes.notify_one();
        self.record_act("schedule.create", &name, None, Some(after))
            .await;
        self.schedule(&name).await
    }

    /// Changes the rule or the payload of a schedule. Its next time is after now. A declared
    /// schedule then keeps the operator's rule, until it is the attribute's rule again.
    ///
    /// # Errors
    /// The rule or the payload is invalid, the schedule is unknown, or the store's.
    pub async fn edit_schedule(
        &self,
        name: &str,
        edit: ScheduleEdit,
    ) -> Result<ScheduleDetails, ScheduleError> {
        let job = match &edit.payload {
            Some(_) => {
                let id = self.schedule_record(name).await?.job_id;
                Some((self.job(&id).await?, self.sensitive_fields(&id).await?))
            }
            None => None,
        };
        self.change_schedule("schedule.edit", name, |record, now| {
            if let (Some(payload), Some((job, sensitive))) = (&edit.payload, &job) {
                record.payload = new_payload(record, payload.clone(), job, sensitive)?;
            }
            let mut rule = record.rule.clone();
            let violations = edit.apply(&mut rule);
            if !violations.is_empty() {
                return Err(ScheduleError::Invalid(violations));
            }
            check_rule(&rule)?;
            record.overridden = record.declared.as_ref().is_some_and(|it| *it != rule);
            record.rule = rule;
            plan_from(record, now);
            Ok(true)
        })
        .await
    }

    /// Pauses a schedule: its times pass without a run until it is resumed.
    ///
    /// # Errors
    /// The schedule is unknown, or the store's.
    pub async fn pause_schedule(&self, name: &str) -> Result<ScheduleDetails, ScheduleError> {
        self.change_schedule("schedule.pause", name, |record, now| {
            let changed = record.paused_at.is_none();
            if changed {
                record.paused_at = Some(now);
                record.due_at = None;
            }
            Ok(changed)
        })
        .await
    }

    /// Resumes a paused schedule. The times that passed meanwhile do not run.
    ///
    /// # Errors
    /// The schedule is unknown, or the store's.
    pub async fn resume_schedule(&self, name: &str) -> Result<ScheduleDetails, ScheduleError> {
        self.change_schedule("schedule.resume", name, |record, now| {
            let changed = record.paused_at.take().is_some();
            if changed {
                plan_from(record, now);
            }
            Ok(changed)
        })
        .await
    }

    /// Runs a schedule now, beside its times, also if it is paused or an execution of it is live.
    ///
    /// # Errors
    /// The job does not accept the execution, the schedule is unknown, or the store's.
    pub async fn run_schedule(&self, name: &str) -> Result<ScheduleRun, ScheduleError> {
        let record = self.schedule_record(name).await?;
        let now = self.now();
        let execution = match self.scheduled_execution(record, now).await? {
            Ok(execution) => execution,
            Err(skip) => return Err(ScheduleError::Rejected(skip.detail)),
        };
        let (store, job_id) = (&self.inner.store, execution.job_id.clone());
        match store.run_schedule(name.to_owned(), *execution).await? {
            Some(run) => {
                self.inner.metrics.job(&job_id).enqueued.increment();
                let after = json!({"executionId": run.execution_id});
                self.record_act("schedule.run", name, None, Some(after))
                    .await;
                Ok(run)
            }
            None => Err(self.unknown_schedule(name).await?),
        }
    }

    /// Deletes a schedule that was created at run time, or whose declaration is gone. Its
    /// executions stay.
    ///
    /// # Errors
    /// [`ScheduleError::Declared`] for a schedule of an attribute, which the next start of a
    /// program would bring back; the schedule is unknown, or the store's.
    pub async fn delete_schedule(&self, name: &str) -> Result<(), ScheduleError> {
        for _ in 0..MAX_TRIES {
            let record = self.schedule_record(name).await?;
            if record.declared.is_some() && record.absent.is_none() {
                return Err(ScheduleError::Declared(name.to_owned()));
            }
            let store = &self.inner.store;
            if store
                .delete_schedule(name.to_owned(), record.revision)
                .await?
            {
                let before = audited(&record);
                self.record_act("schedule.delete", name, Some(before), None)
                    .await;
                return Ok(());
            }
        }
        Err(ScheduleError::Contended(name.to_owned()))
    }

    /// Publishes the schedules of the linked jobs. A declaration that has changed changes its
    /// schedule, unless an operator has overridden it. One that is gone makes its schedule absent.
    ///
    /// # Errors
    /// The store's.
    pub async fn publish_schedules(&self) -> Result<(), StoreError> {
        let jobs = self.inner.registry.linked();
        for _ in 0..MAX_TRIES {
            let store = &self.inner.store;
            let known = store.schedules().await?.into_iter();
            let known: BTreeMap<String, ScheduleRecord> =
                known.map(|record| (record.name.clone(), record)).collect();
            let now = self.now();
            let writes = jobs.iter();
            let writes = writes.flat_map(|job| declare(job.descriptor(), &known, now));
            let mut is_complete = true;
            for write in writes {
                is_complete = match write {
                    change::Write::Add(record) => store.add_schedule(record, Vec::new()).await?,
                    change::Write::Update(record) => store.update_schedule(record).await?,
                };
                if !is_complete {
                    break;
                }
            }
            if is_complete {
                break;
            }
        }
        self.inner.schedule_changes.notify_one();
        Ok(())
    }

    /// Notified after every change of a schedule by this service.
    pub(crate) fn schedule_changes(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.schedule_changes)
    }

    /// Builds the execution of a schedule's time, or tells why the job does not accept it.
    pub(crate) async fn scheduled_execution(
        &self,
        schedule: ScheduleRecord,
        time: Timestamp,
    ) -> Result<Result<Box<NewExecution>, Skip>, StoreError> {
        let payload = schedule.payload.unwrap_or_else(|| "{}".to_owned());
        let mut request = EnqueueRequest::new(schedule.job_id, payload);
        request.triggered_by = TriggeredBy::Schedule;
        match self.prepare(request).await {
            Ok(mut execution) => {
                let scheduled = ScheduledTime {
                    schedule: schedule.name,
                    time,
                };
                execution.triggered_by = scheduled.to_text();
                Ok(Ok(Box::new(execution)))
            }
            Err(error) => match error.into_enqueue_error(false) {
                jobs::EnqueueError::Store(error) => match error.downcast::<StoreError>() {
                    Ok(error) => Err(*error),
                    Err(error) => Ok(Err(Skip::new(Skip::REJECTED, error.to_string()))),
                },
                error => Ok(Err(Skip::new(Skip::REJECTED, error.to_string()))),
            },
        }
    }

    async fn prepare(&self, request: EnqueueRequest) -> Result<NewExecution, ServiceError> {
        let job = self.enabled_job(&request.job_id).await?;
        let mut requests = [request];
        let send = self.inner.spans.send(Some(job.id()), &mut requests);
        let [request] = requests;
        let prepared = self.new_execution(0, request, &job, self.now());
        match &prepared {
            Ok(execution) => send.sent(execution.id),
            Err(error) => send.failed(error.kind()),
        }
        prepared
    }

    async fn schedule_record(&self, name: &str) -> Result<ScheduleRecord, ScheduleError> {
        match self.inner.store.schedule(name.to_owned()).await? {
            Some(record) => Ok(record),
            None => Err(self.unknown_schedule(name).await?),
        }
    }

    async fn unknown_schedule(&self, name: &str) -> Result<ScheduleError, StoreError> {
        let schedules = self.inner.store.schedules().await?;
        let names = schedules.iter().map(|schedule| schedule.name.as_str());
        Ok(ScheduleError::Unknown {
            name: name.to_owned(),
            near: similar_names(name, names),
        })
    }

    /// Changes a schedule by an act of an operator. `change` returns whether there is anything to
    /// write.
    async fn change_schedule(
        &self,
        action: &str,
        name: &str,
        change: impl Fn(&mut ScheduleRecord, Timestamp) -> Result<bool, ScheduleError>,
    ) -> Result<ScheduleDetails, ScheduleError> {
        for _ in 0..MAX_TRIES {
            let mut record = self.schedule_record(name).await?;
            let before = audited(&record);
            let now = self.now();
            if !change(&mut record, now)? {
                return self.schedule(name).await;
            }
            record.updated_at = now;
            let after = audited(&record);
            if self.inner.store.update_schedule(record).await? {
                self.inner.schedule_changes.notify_one();
                self.record_act(action, name, Some(before), Some(after))
                    .await;
                return self.schedule(name).await;
            }
        }
        Err(ScheduleError::Contended(name.to_owned()))
    }
}

/// Checks the new payload of a schedule, `None` for the job's defaults. A mask in it becomes the
/// old value.
fn new_payload(
    before: &ScheduleRecord,
    payload: Option<String>,
    job: &KnownJob,
    sensitive: &[String],
) -> Result<Option<String>, ServiceError> {
    let old = before.payload.as_deref().unwrap_or("{}");
    let payload = payload.map(|payload| match serde_json::from_str(old) {
        Ok(old) => mask::restore(payload, old, sensitive),
        Err(_) => payload,
    });
    let checked = payload.clone().unwrap_or_else(|| "{}".to_owned());
    check_payload(0, checked, job)?;
    Ok(payload)
}

/// The state of a schedule in the audit log, without values of its payload.
fn audited(record: &ScheduleRecord) -> Value {
    json!({
        "jobId": record.job_id,
        "rule": record.rule,
        "pausedAt": record.paused_at,
        "hasPayload": record.payload.is_some(),
    })
}
