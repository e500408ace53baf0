//! Schedules.

use ::jobs::ExecutionStatus;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Source;
use super::jobs::raw_payload;
use crate::cli::failure::Failure;
use crate::cli::remote::{ApiAnswer, RemoteError};
use crate::service::Redactor;
use crate::store::ScheduleRun;
use crate::{NewSchedule, ScheduleDetails, ScheduleEdit, ScheduleError, ScheduleView};

#[derive(Deserialize)]
struct Schedules {
    schedules: Vec<ScheduleView>,
}

/// The part of a schedule's details that is not the schedule itself. They are read apart, because
/// the payload is a raw text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    next_times: Vec<crate::time::Timestamp>,
    runs: Vec<ScheduleRun>,
    run_statuses: Vec<Option<ExecutionStatus>>,
}

/// The body of a new schedule, or of a change. Absent values are not sent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_up: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
}

impl Body {
    fn of(edit: ScheduleEdit) -> Result<Self, Failure> {
        Ok(Self {
            id: None,
            job_id: None,
            cron: edit.cron,
            timezone: edit.timezone,
            catch_up: edit.catch_up,
            overlap: edit.overlap,
            jitter_ms: edit.jitter_ms,
            payload: edit.payload.flatten().map(raw_payload).transpose()?,
        })
    }
}

impl Source {
    /// The schedules, sorted by id.
    pub(in crate::cli) async fn schedules(&self) -> Result<Vec<ScheduleView>, Failure> {
        match self {
            Self::Local(runtime) => {
                let mut schedules = runtime.service().schedules().await?;
                let mut redactor = Redactor::new(runtime.service());
                for schedule in &mut schedules {
                    redact(&mut redactor, schedule).await;
                }
                Ok(schedules)
            }
            Self::Remote(client) => {
                let Schedules { schedules } = client.request("listSchedules").json().await?;
                Ok(schedules)
            }
        }
    }

    /// A schedule with its next times and its last runs.
    pub(in crate::cli) async fn schedule(&self, id: &str) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Local(runtime) => self.masked(runtime.service().schedule(id).await?).await,
            Self::Remote(_) => self.change_schedule("getSchedule", id).await,
        }
    }

    /// Creates a schedule with the rule and the payload of an edit.
    pub(in crate::cli) async fn create_schedule(
        &self,
        id: String,
        job_id: String,
        edit: ScheduleEdit,
    ) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Local(runtime) => {
                let mut rule = jobs::ScheduleRule::new("");
                let violations = edit.apply(&mut rule);
                if !violations.is_empty() {
                    return Err(ScheduleError::Invalid(violations).into());
                }
                let new = NewSchedule {
                    name: id,
                    job_id,
                    rule,
                    payload: edit.payload.flatten(),
                };
                self.masked(runtime.service().create_schedule(new).await?)
                    .await
            }
            Self::Remote(client) => {
                let body = Body {
                    id: Some(id),
                    job_id: Some(job_id.clone()),
                    ..Body::of(edit)?
                };
                let answer = client.request("createSchedule").body(&body).send().await;
                details(answer, &job_id)
            }
        }
    }

    /// Changes a schedule.
    pub(in crate::cli) async fn edit_schedule(
        &self,
        id: &str,
        edit: ScheduleEdit,
    ) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Local(runtime) => {
                let details = runtime.service().edit_schedule(id, edit).await?;
                self.masked(details).await
            }
            Self::Remote(client) => {
                let request = client.request("editSchedule").path(id);
                let answer = request.body(&Body::of(edit)?).send().await;
                let is_payload = answer
                    .as_ref()
                    .is_err_and(|error| error.problem("invalid_payload").is_some());
                let job_id = if is_payload {
                    self.schedule(id).await?.schedule.job_id
                } else {
                    String::new()
                };
                details(answer, &job_id)
            }
        }
    }

    /// Lets the times of a schedule pass without a run.
    pub(in crate::cli) async fn pause_schedule(
        &self,
        id: &str,
    ) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Local(runtime) => {
                self.masked(runtime.service().pause_schedule(id).await?)
                    .await
            }
            Self::Remote(_) => self.change_schedule("pauseSchedule", id).await,
        }
    }

    /// Runs the times of a schedule from now on.
    pub(in crate::cli) async fn resume_schedule(
        &self,
        id: &str,
    ) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Local(runtime) => {
                self.masked(runtime.service().resume_schedule(id).await?)
                    .await
            }
            Self::Remote(_) => self.change_schedule("resumeSchedule", id).await,
        }
    }

    /// Runs a schedule now.
    pub(in crate::cli) async fn run_schedule(&self, id: &str) -> Result<ScheduleRun, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().run_schedule(id).await?),
            Self::Remote(client) => Ok(client.request("runSchedule").path(id).json().await?),
        }
    }

    /// Deletes a schedule.
    pub(in crate::cli) async fn delete_schedule(&self, id: &str) -> Result<(), Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().delete_schedule(id).await?),
            Self::Remote(client) => {
                client.request("deleteSchedule").path(id).send().await?;
                Ok(())
            }
        }
    }

    async fn change_schedule(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<ScheduleDetails, Failure> {
        match self {
            Self::Remote(client) => details(client.request(operation).path(id).send().await, ""),
            Self::Local(_) => Err(Failure::failed("the source is no server")),
        }
    }

    /// Masks the sensitive fields of the payload.
    async fn masked(&self, mut details: ScheduleDetails) -> Result<ScheduleDetails, Failure> {
        if let Self::Local(runtime) = self {
            let mut redactor = Redactor::new(runtime.service());
            redact(&mut redactor, &mut details.schedule).await;
        }
        Ok(details)
    }
}

async fn redact(redactor: &mut Redactor<'_>, schedule: &mut ScheduleView) {
    if let Some(payload) = &mut schedule.payload {
        redactor.redact_payload(&schedule.job_id, payload).await;
    }
}

fn details(
    answer: Result<ApiAnswer, RemoteError>,
    job_id: &str,
) -> Result<ScheduleDetails, Failure> {
    let answer = answer.map_err(|error| match error.problem("invalid_request") {
        Some(problem) => ScheduleError::Invalid(problem.violations.clone()).into(),
        None => error.of_payload(job_id),
    })?;
    let Times {
        next_times,
        runs,
        run_statuses,
    } = answer.json()?;
    Ok(ScheduleDetails {
        schedule: answer.json()?,
        next_times,
        runs,
        run_statuses,
    })
}
