//! `POST /leases`: a poll of an external worker for work, for callers with the role `worker`.
//!
//! The route checks the fields, waits in [`ExternalLeases::poll`](crate::external::ExternalLeases)
//! and shows the leases. Leases for a caller that has gone are released.
//!
//! [`heartbeat`] and [`ends`] hold the routes of one lease. They may import the fields and errors
//! of this module; they must not import each other. [docs/external-workers.md] describes the
//! protocol.
//!
//! [docs/external-workers.md]: ../../../../docs/external-workers.md

pub(in crate::http) mod ends;
pub(in crate::http) mod heartbeat;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::ExecutionId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::external::{LeaseError, LeaseView, MAX_LEASES, MAX_POLL_JOBS, Wanted, WorkerInfo};
use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, is_storable, reject_violations};
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::service::ServiceError;
use crate::store::Role;
use crate::telemetry::trace_context;
use crate::time::Timestamp;

/// The most labels of a worker.
const MAX_LABELS: usize = 32;

/// The longest wait that a request may ask for, in milliseconds. The server may wait for less.
const MAX_WAIT_MS: usize = 60_000;

const WORKER_ID: Input = Input::name(
    "workerId",
    "the id of this start of the worker, for example a random UUID",
)
.required();
const NAME: Input = Input::name("name", "the worker's name for people; `workerId` if absent");
const LANGUAGE: Input = Input::name("language", "the language of the worker: `python`");
const VERSION: Input = Input::name("version", "the version of the worker's program");
const LABELS: Input = Input::value::<Vec<String>>("labels", "labels of the worker, for people");
const JOBS: Input = Input::value::<BTreeSet<String>>("jobs", "the ids of the jobs to execute");
const EXECUTION_IDS: Input = Input::value::<BTreeSet<ExecutionId>>(
    "executionIds",
    "takes only these executions; of any job if `jobs` is absent",
);
const MAX: Input = Input::number(
    "max",
    NumberRange {
        min: 1,
        max: MAX_LEASES,
        default: 1,
    },
    "the most leases to return: the attempts that the worker can start now",
);
pub(in crate::http) const WAIT_MS: Input = Input::number(
    "waitMs",
    NumberRange {
        min: 0,
        max: MAX_WAIT_MS,
        default: 0,
    },
    "the longest wait, in milliseconds; the server waits 20 s and two thirds of a lease at most",
);

const FIELDS: &[Input] = &[
    WORKER_ID,
    NAME,
    LANGUAGE,
    VERSION,
    LABELS,
    JOBS,
    EXECUTION_IDS,
    MAX,
    WAIT_MS,
];

pub(in crate::http) const POLL: RouteDoc = RouteDoc::new(
    "leaseExecutions",
    "leases executions to an external worker, and waits for them",
    &[Answer::json::<Granted>(
        StatusCode::OK,
        "the leases; none at the end of the wait",
    )],
)
.body(FIELDS)
.role(Role::Worker)
.ends_with_caller()
.problems(&[Code::UnknownJob, Code::TooManyWorkers]);

/// The leases of a poll.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Granted {
    leases: Vec<GrantedLease>,
    /// The time without a heartbeat after which an attempt is lost.
    lease_ms: u64,
    /// The interval at which the worker has to send heartbeats for each lease.
    heartbeat_ms: u64,
}

/// The right to execute one attempt.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct GrantedLease {
    /// Names the lease in further requests. It is a secret of this worker.
    token: String,
    execution_id: ExecutionId,
    /// The job's id, also if the execution was enqueued under an alias.
    job_id: String,
    queue: String,
    attempt: u32,
    /// A failure of this attempt is final.
    is_last_attempt: bool,
    /// Grows with every attempt of the execution, for systems that reject older writers.
    fencing_token: String,
    #[schemars(with = "Map<String, Value>")]
    payload: Box<RawValue>,
    correlation_id: Option<String>,
    /// The W3C `traceparent` of the execution, for the spans of the worker.
    trace_parent: Option<String>,
    /// The W3C `tracestate` that belongs to it.
    trace_state: Option<String>,
    /// The longest time that the attempt may run.
    timeout_ms: Option<u64>,
    /// The time at which the server ends the attempt.
    deadline: Option<Timestamp>,
}

pub(in crate::http) async fn poll(
    State(api): State<ApiState>,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Granted>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let worker_id = fields.stored_text(&WORKER_ID);
    if worker_id.is_none() && !fields.has_violation(WORKER_ID.name) {
        fields.add_violation(WORKER_ID.name, "is required");
    }
    let info = WorkerInfo {
        worker_id: worker_id.unwrap_or_default(),
        name: fields.stored_text(&NAME),
        language: fields.stored_text(&LANGUAGE),
        version: fields.stored_text(&VERSION),
        labels: labels(&mut fields),
    };
    let jobs = some_of::<String>(&mut fields, &JOBS, "an array of job ids");
    let ids = "an array of execution ids";
    let executions = some_of::<ExecutionId>(&mut fields, &EXECUTION_IDS, ids);
    let are_absent = jobs.is_none() && executions.is_none();
    if are_absent && !fields.has_violation(JOBS.name) && !fields.has_violation(EXECUTION_IDS.name) {
        fields.add_violation(JOBS.name, "is required, or `executionIds`");
    }
    let max = number(&mut fields, &MAX);
    let wait = Duration::from_millis(number(&mut fields, &WAIT_MS) as u64);
    reject_violations(&fields.finish())?;

    let wanted = Wanted {
        jobs: jobs.unwrap_or_default().into_iter().collect(),
        executions: executions.unwrap_or_default().into_iter().collect(),
    };
    let granted = api.external.poll(info, wanted, max, wait).await?;
    let leases = granted.map(|granted| granted.accept()).unwrap_or_default();
    let mut views = Vec::with_capacity(leases.len());
    for mut lease in leases {
        // The job's present id, so that a worker needs no aliases.
        if let Ok(job) = api.service.job(&lease.job_id).await {
            job.id().clone_into(&mut lease.job_id);
        }
        views.push(GrantedLease::of(lease)?);
    }
    let settings = api.external.settings();
    Ok(Json(Granted {
        leases: views,
        lease_ms: millis(settings.lease),
        heartbeat_ms: millis(settings.heartbeat()),
    }))
}

impl GrantedLease {
    fn of(lease: LeaseView) -> Result<Self, Problem> {
        // A payload was checked at its enqueue.
        let payload = RawValue::from_string(lease.payload)
            .map_err(|error| Problem::failure(Code::Internal, "the log holds the cause", &error))?;
        let trace = lease.trace_parent.as_deref().map(trace_context::split);
        Ok(Self {
            token: lease.token,
            execution_id: lease.execution_id,
            job_id: lease.job_id,
            queue: lease.queue,
            attempt: lease.attempt,
            is_last_attempt: lease.is_last_attempt,
            fencing_token: format!("{}/{}", lease.execution_id, lease.attempt),
            payload,
            correlation_id: lease.correlation_id,
            trace_parent: trace.map(|(parent, _)| parent.to_owned()),
            trace_state: trace.and_then(|(_, state)| state.map(str::to_owned)),
            timeout_ms: lease.timeout_ms,
            deadline: lease.deadline,
        })
    }
}

fn labels(fields: &mut BodyFields<'_>) -> Vec<String> {
    let labels: Vec<String> = fields
        .value(&LABELS, "an array of strings")
        .unwrap_or_default();
    if labels.len() > MAX_LABELS || !labels.iter().all(|label| is_storable(label)) {
        let message = format!("must have at most {MAX_LABELS} texts without control characters");
        fields.add_violation(LABELS.name, message);
    }
    labels
}

/// Reads a list of 1 to [`MAX_POLL_JOBS`] ids.
fn some_of<T: serde::de::DeserializeOwned + Ord>(
    fields: &mut BodyFields<'_>,
    field: &Input,
    expected: &str,
) -> Option<BTreeSet<T>> {
    let ids: BTreeSet<T> = fields.value(field, expected)?;
    if (1..=MAX_POLL_JOBS).contains(&ids.len()) {
        return Some(ids);
    }
    fields.add_violation(field.name, format!("must have 1 to {MAX_POLL_JOBS} ids"));
    None
}

/// Reads a number within the range of its field.
pub(in crate::http) fn number(fields: &mut BodyFields<'_>, field: &Input) -> usize {
    let NumberRange { min, max, default } = field.range();
    let expected = format!("a whole number from {min} to {max}");
    let number: Option<usize> = fields.value(field, &expected);
    let number = number.unwrap_or(default);
    if !(min..=max).contains(&number) {
        fields.add_violation(field.name, format!("must be {expected}"));
    }
    number
}

pub(in crate::http) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<LeaseError> for Problem {
    fn from(error: LeaseError) -> Self {
        let detail = error.to_string();
        match error {
            LeaseError::Lost(reason) => {
                Self::new(Code::LeaseLost, detail).with("reason", reason.as_str())
            }
            LeaseError::Job(error) => {
                Self::of_service(ServiceError::from(error), RequestKind::Single)
            }
            LeaseError::TooMany { limit, .. } => {
                Self::new(Code::TooManyWorkers, detail).with("limit", limit)
            }
            LeaseError::InvalidResult { violations, .. } => {
                Self::new(Code::InvalidResult, detail).with("violations", json!(violations))
            }
            LeaseError::ResultTooLarge { limit, .. } => {
                Self::new(Code::PayloadTooLarge, detail).with("limit", limit)
            }
            LeaseError::NotWritten => Self::new(Code::StoreUnavailable, detail),
            LeaseError::Store(error) => error.into(),
        }
    }
}
