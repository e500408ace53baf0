//! The routes below `/schedules`: list, show, create, change, pause, resume, run and delete.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::ScheduleRule;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::trigger::PAYLOAD;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::SchedulePath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::http::{ApiState, PREFIX};
use crate::service::Redactor;
use crate::store::ScheduleRun;
use crate::{NewSchedule, ScheduleDetails, ScheduleEdit, ScheduleView};

const OF_JOB: Input = Input::text("jobId", "schedules of this job");
const PARAMETERS: &[Input] = &[OF_JOB];

const ID: Input = Input::text("id", "the id of the new schedule").required();
const JOB_ID: Input = Input::text("jobId", "the job that it runs").required();
pub(in crate::http) const CRON: Input = Input::text(
    "cron",
    "a cron expression of five fields, or six with seconds",
);
pub(in crate::http) const TIMEZONE: Input =
    Input::text("timezone", "the name of a time zone; UTC if it is absent");
const CATCH_UP: Input = Input::text(
    "catchUp",
    "times that have passed: `none`, `one` or `all(24)`",
);
const OVERLAP: Input = Input::text(
    "overlap",
    "a time at which an earlier run is not final: `skip`, `queue` or `allow`",
);
const JITTER_MS: Input = Input::value::<u64>(
    "jitterMs",
    "the largest random delay of a run, in milliseconds",
);
const NEW_FIELDS: &[Input] = &[
    ID, JOB_ID, NEW_CRON, TIMEZONE, CATCH_UP, OVERLAP, JITTER_MS, PAYLOAD,
];
const NEW_CRON: Input = CRON.required();
const NEW_PAYLOAD: Input = Input::value::<Map<String, Value>>(
    "payload",
    "the payload; the defaults of the job if it is null",
);
const FIELDS: &[Input] = &[CRON, TIMEZONE, CATCH_UP, OVERLAP, JITTER_MS, NEW_PAYLOAD];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listSchedules",
    "the schedules, sorted by id",
    &[Answer::json::<Schedules>(StatusCode::OK, "the schedules")],
)
.query(PARAMETERS);

const PROBLEMS: &[Code] = &[
    Code::UnknownSchedule,
    Code::UnknownJob,
    Code::JobDisabled,
    Code::InvalidPayload,
    Code::ScheduleExists,
    Code::ScheduleDeclared,
    Code::ScheduleContended,
    Code::NotRun,
];

const DETAILS: &[Answer] = &[Answer::json::<ScheduleDetails>(
    StatusCode::OK,
    "the schedule with its next five times and its last thirty runs",
)];

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getSchedule",
    "one schedule with its next five times and its last thirty runs",
    DETAILS,
)
.problems(&[Code::UnknownSchedule]);

pub(in crate::http) const CREATE: RouteDoc = RouteDoc::new(
    "createSchedule",
    "creates a schedule",
    &[Answer::json::<ScheduleDetails>(
        StatusCode::CREATED,
        "the new schedule",
    )],
)
.body(NEW_FIELDS)
.problems(PROBLEMS);

pub(in crate::http) const EDIT: RouteDoc =
    RouteDoc::new("editSchedule", "changes a schedule", DETAILS)
        .body(FIELDS)
        .problems(PROBLEMS);

pub(in crate::http) const PAUSE: RouteDoc = RouteDoc::new(
    "pauseSchedule",
    "lets the times pass without a run",
    DETAILS,
)
.body(&[])
.problems(PROBLEMS);

pub(in crate::http) const RESUME: RouteDoc =
    RouteDoc::new("resumeSchedule", "runs the times from now on", DETAILS)
        .body(&[])
        .problems(PROBLEMS);

pub(in crate::http) const RUN: RouteDoc = RouteDoc::new(
    "runSchedule",
    "runs a schedule now, beside its times",
    &[Answer::json::<ScheduleRun>(StatusCode::ACCEPTED, "the run")],
)
.body(&[])
.problems(PROBLEMS);

pub(in crate::http) const DELETE: RouteDoc = RouteDoc::new(
    "deleteSchedule",
    "deletes a schedule that was created here, or whose declaration is gone",
    &[Answer::empty(
        StatusCode::NO_CONTENT,
        "the schedule is deleted",
    )],
)
.problems(PROBLEMS);

/// The schedules, sorted by id.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Schedules {
    schedules: Vec<ScheduleView>,
}

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Schedules>, Problem> {
    let job = parameters.text(&OF_JOB);
    parameters.finish(PARAMETERS)?;
    let mut schedules = api.service.schedules().await?;
    schedules.retain(|schedule| job.as_ref().is_none_or(|job| schedule.job_id == *job));
    let mut redactor = Redactor::new(&api.service);
    for schedule in &mut schedules {
        redact(&mut redactor, schedule).await;
    }
    Ok(Json(Schedules { schedules }))
}

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
    parameters: QueryParameters,
) -> Result<Json<ScheduleDetails>, Problem> {
    parameters.finish(&[])?;
    let details = api.service.schedule(&id).await?;
    Ok(Json(redacted(&api, details).await))
}

/// Creates a schedule and returns it.
pub(in crate::http) async fn create(
    State(api): State<ApiState>,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), NEW_FIELDS)?;
    let id = fields.value::<String>(&ID, "a text");
    let job_id = fields.value::<String>(&JOB_ID, "a text");
    let edit = edit_of(&mut fields);
    for (name, is_missing) in [
        ("id", id.is_none()),
        ("jobId", job_id.is_none()),
        ("cron", edit.cron.is_none()),
    ] {
        if is_missing && !fields.has_violation(name) {
            fields.add_violation(name, "is required");
        }
    }
    reject_violations(&fields.finish())?;
    let mut rule = ScheduleRule::new("");
    reject_violations(&edit.apply(&mut rule))?;
    let new = NewSchedule {
        name: id.unwrap_or_default(),
        job_id: job_id.unwrap_or_default(),
        rule,
        payload: edit.payload.flatten(),
    };
    let details = api.service.create_schedule(new).await?;
    let location = format!("{PREFIX}/schedules/{}", details.schedule.id);
    let details = Json(redacted(&api, details).await);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], details).into_response())
}

/// Changes a schedule and returns it.
pub(in crate::http) async fn edit(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<ScheduleDetails>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let edit = edit_of(&mut fields);
    let mut violations = fields.finish();
    if violations.is_empty() && edit.is_empty() {
        violations.push(jobs::Violation {
            pointer: String::new(),
            message: "changes nothing; give `cron`, `timezone`, `catchUp`, `overlap`, `jitterMs` \
                      or `payload`"
                .to_owned(),
        });
    }
    reject_violations(&violations)?;
    let details = api.service.edit_schedule(&id, edit).await?;
    Ok(Json(redacted(&api, details).await))
}

fn edit_of(fields: &mut BodyFields<'_>) -> ScheduleEdit {
    ScheduleEdit {
        cron: fields.value(&CRON, "a cron expression, such as `0 3 * * *`"),
        timezone: fields.value(&TIMEZONE, "the name of a time zone, such as `Europe/Paris`"),
        catch_up: fields.value(&CATCH_UP, "`none`, `one` or `all(24)`"),
        overlap: fields.value(&OVERLAP, "`skip`, `queue` or `allow`"),
        jitter_ms: fields.value(&JITTER_MS, "a whole number of milliseconds"),
        payload: fields
            .nullable(&NEW_PAYLOAD)
            .map(|payload| payload.map(|payload| RawValue::get(payload).to_owned())),
    }
}

pub(in crate::http) async fn pause(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<ScheduleDetails>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let details = api.service.pause_schedule(&id).await?;
    Ok(Json(redacted(&api, details).await))
}

pub(in crate::http) async fn resume(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<ScheduleDetails>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let details = api.service.resume_schedule(&id).await?;
    Ok(Json(redacted(&api, details).await))
}

/// 202 with the run, or 409 if the job accepts no execution now.
pub(in crate::http) async fn run(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<(StatusCode, Json<ScheduleRun>), Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let run = api.service.run_schedule(&id).await?;
    match &run.skipped {
        Some(skip) if run.execution_id.is_none() => {
            Err(Problem::new(Code::NotRun, skip.detail.clone()))
        }
        _ => Ok((StatusCode::ACCEPTED, Json(run))),
    }
}

pub(in crate::http) async fn delete(
    State(api): State<ApiState>,
    SchedulePath(id): SchedulePath,
) -> Result<StatusCode, Problem> {
    api.service.delete_schedule(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn redacted(api: &ApiState, mut details: ScheduleDetails) -> ScheduleDetails {
    redact(&mut Redactor::new(&api.service), &mut details.schedule).await;
    details
}

async fn redact(redactor: &mut Redactor<'_>, schedule: &mut ScheduleView) {
    if let Some(payload) = &mut schedule.payload {
        redactor.redact_payload(&schedule.job_id, payload).await;
    }
}
