//! `POST /jobs/{id}/trigger`, `POST /jobs/{id}/trigger-batch`: enqueue over HTTP.
//!
//! The body of a batch is `{"executions": [{"payload": …, "priority": …}, …]}`. Each entry has the
//! fields of a single trigger's body. All executions are enqueued, or none. `dryRun` in either body
//! changes nothing: see [`dry_run`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{ExecutionId, ExecutionStatus, Priority};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::dry_run::{self, BatchAnswer, DRY_RUN, TriggerAnswer, is_dry_run};
use crate::http::request::body::{
    BodyFields, BodyText, MAX_BATCH_BODY, MAX_BODY, reject_violations,
};
use crate::http::request::guard::single_header;
use crate::http::request::path::JobPath;
use crate::http::request::trace::trace_context;
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc, text_schema};
use crate::http::{ApiState, PREFIX};
use crate::service::{EnqueueOutcome, EnqueuedRequest, MAX_BATCH, MAX_TAGS};
use crate::time::Timestamp;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(in crate::http) const PAYLOAD: Input =
    Input::value::<Map<String, Value>>("payload", "the payload; `{}` if it is absent");
pub(in crate::http) const PRIORITY: Input = Input::value::<Priority>(
    "priority",
    "0 to 100, or a name; of the job if it is absent",
);
pub(in crate::http) const DELAY_MS: Input = Input::value::<u64>(
    "delayMs",
    "the delay until the execution is due, in milliseconds; excludes `runAt`",
);
pub(in crate::http) const RUN_AT: Input =
    Input::value::<Timestamp>("runAt", "the time at which the execution is due");
const EXPIRES_MS: Input = Input::value::<u64>(
    "expiresMs",
    "the time in milliseconds, from its due time, after which the execution is cancelled unless an \
     attempt has started; of the job if it is absent",
);
const IDEMPOTENCY_FIELD: Input = Input::name(
    "idempotencyKey",
    "a repeated request with the same key returns the same execution",
);
const CORRELATION_ID: Input = Input::name(
    "correlationId",
    "the larger process that the execution is part of",
);
const ITEM_ID: Input = Input::name("itemId", "the domain object that the execution is about");
const CREATED_BY: Input = Input::name("createdBy", "the user or program that creates it");
const TAGS: Input = Input::value::<Tags>("tags", "tags to find the execution by");

/// The fields of an entry of a batch.
const ENTRY_FIELDS: &[Input] = &[
    PAYLOAD,
    PRIORITY,
    DELAY_MS,
    RUN_AT,
    EXPIRES_MS,
    IDEMPOTENCY_FIELD,
    CORRELATION_ID,
    ITEM_ID,
    CREATED_BY,
    TAGS,
];

/// The fields of a trigger's body.
const FIELDS: &[Input] = &[
    PAYLOAD,
    PRIORITY,
    DELAY_MS,
    RUN_AT,
    EXPIRES_MS,
    IDEMPOTENCY_FIELD,
    CORRELATION_ID,
    ITEM_ID,
    CREATED_BY,
    TAGS,
    DRY_RUN,
];

const EXECUTIONS: Input = Input::list(
    "executions",
    ENTRY_FIELDS,
    MAX_BATCH,
    "the executions, each with the fields of a trigger's body",
)
.required();
const BATCH_FIELDS: &[Input] = &[EXECUTIONS, DRY_RUN];

const PROBLEMS: &[Code] = &[
    Code::UnknownJob,
    Code::JobDisabled,
    Code::InvalidPayload,
    Code::IdempotencyConflict,
    Code::UniqueConflict,
    Code::QueueFull,
];

pub(in crate::http) const ONE: RouteDoc = RouteDoc::new(
    "triggerJob",
    "enqueues an execution",
    &[
        Answer::json::<Triggered>(StatusCode::ACCEPTED, "the execution is created"),
        Answer::json::<TriggerAnswer>(
            StatusCode::OK,
            "an existing execution answers the request; or the answer to a dry run",
        ),
    ],
)
.body(FIELDS)
.problems(PROBLEMS);

pub(in crate::http) const BATCH: RouteDoc = RouteDoc::new(
    "triggerJobBatch",
    "enqueues all executions or none",
    &[
        Answer::json::<TriggeredBatch>(StatusCode::ACCEPTED, "an execution is created"),
        Answer::json::<BatchAnswer>(
            StatusCode::OK,
            "all of them existed; or the answer to a dry run",
        ),
    ],
)
.body(BATCH_FIELDS)
.problems(PROBLEMS);

/// The tags of a request, for the schema.
struct Tags;

impl JsonSchema for Tags {
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": text_schema(), "maxItems": MAX_TAGS})
    }
}

/// The response to a trigger.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Triggered {
    execution_id: ExecutionId,
    job_id: String,
    status: ExecutionStatus,
    /// True if this request created the execution; false if it found an existing one.
    triggered: bool,
    /// `new`; or why an existing execution answers: `replayed`, `skipped` or `merged`.
    outcome: EnqueueOutcome,
}

/// The response to a batch, in the order of its entries.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct TriggeredBatch {
    executions: Vec<Triggered>,
}

/// 202 when an execution is created, 200 when an existing one is returned.
pub(in crate::http) async fn one(
    State(api): State<ApiState>,
    JobPath(job_id): JobPath,
    headers: HeaderMap,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let mut request = enqueue_request(&mut fields, &job_id);
    if headers.contains_key(IDEMPOTENCY_KEY) {
        let header = single_header(&headers, &IDEMPOTENCY_KEY).map(unquoted);
        match (header, &request.idempotency_key) {
            (Some(header), None) => request.idempotency_key = Some(header.to_owned()),
            (Some(header), Some(field)) if header == field => {}
            _ => fields.add_violation(
                "idempotencyKey",
                "must be given once, in the header `Idempotency-Key` or in the body",
            ),
        }
    }
    request.trace_parent = trace_context(&headers);
    let is_dry_run = is_dry_run(&mut fields);
    reject_violations(&fields.finish())?;
    if is_dry_run {
        return dry_run::one(&api, request).await;
    }

    let accepted = api
        .service
        .enqueue_batch(vec![request])
        .await
        .map_err(|error| Problem::of_service(error, RequestKind::Single))?;
    let mut triggered = triggered_executions(&api, accepted).await?;
    let Some(triggered) = triggered.pop() else {
        return Err(Problem::new(
            Code::Internal,
            "the store returned no execution",
        ));
    };
    let location = format!("{PREFIX}/executions/{}", triggered.execution_id);
    let status = response_status(triggered.triggered);
    Ok((status, [(header::LOCATION, location)], Json(triggered)).into_response())
}

/// 202 when at least one execution is created, 200 when all of them existed.
pub(in crate::http) async fn batch(
    State(api): State<ApiState>,
    JobPath(job_id): JobPath,
    headers: HeaderMap,
    BodyText(body): BodyText<MAX_BATCH_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), BATCH_FIELDS)?;
    let entries = entries(&mut fields);
    if headers.contains_key(IDEMPOTENCY_KEY) {
        fields.add_violation(
            "executions",
            "must have an `idempotencyKey` each; the header `Idempotency-Key` is for one execution",
        );
    }
    let is_dry_run = is_dry_run(&mut fields);
    let mut violations = fields.finish();
    if entries.len() > MAX_BATCH {
        let detail = format!("{} executions, {MAX_BATCH} are allowed", entries.len());
        return Err(Problem::new(Code::PayloadTooLarge, detail).with("limit", MAX_BATCH));
    }
    // Reported before the entries' mistakes, and for an empty batch as well.
    api.service.job(&job_id).await?;
    let mut requests = Vec::with_capacity(entries.len());
    let trace_parent = trace_context(&headers);
    for (index, entry) in entries.into_iter().enumerate() {
        let pointer = format!("/executions/{index}");
        let mut fields = BodyFields::read(entry.get(), pointer, ENTRY_FIELDS)?;
        let mut request = enqueue_request(&mut fields, &job_id);
        request.trace_parent = trace_parent.clone();
        requests.push(request);
        violations.extend(fields.finish());
    }
    reject_violations(&violations)?;
    if is_dry_run {
        return dry_run::batch(&api, requests).await;
    }

    let accepted = api
        .service
        .enqueue_batch(requests)
        .await
        .map_err(|error| Problem::of_service(error, RequestKind::Batch))?;
    let executions = triggered_executions(&api, accepted).await?;
    let status = response_status(executions.iter().any(|one| one.triggered));
    Ok((status, Json(TriggeredBatch { executions })).into_response())
}

fn entries<'a>(fields: &mut BodyFields<'a>) -> Vec<&'a RawValue> {
    let Some(list) = fields.raw(&EXECUTIONS) else {
        fields.add_violation("executions", "is required");
        return Vec::new();
    };
    serde_json::from_str(list.get()).unwrap_or_else(|_| {
        fields.add_violation("executions", "must be an array");
        Vec::new()
    })
}

/// Reads the fields of one execution.
fn enqueue_request(fields: &mut BodyFields<'_>, job_id: &str) -> EnqueueRequest {
    let payload = fields.raw(&PAYLOAD).map_or("{}", RawValue::get);
    let mut request = EnqueueRequest::new(job_id.to_owned(), payload.to_owned());
    request.triggered_by = TriggeredBy::Http;
    request.priority = priority(fields);
    request.idempotency_key = fields.value(&IDEMPOTENCY_FIELD, "a string");
    request.correlation_id = fields.value(&CORRELATION_ID, "a string");
    request.item_id = fields.value(&ITEM_ID, "a string");
    request.created_by = fields.value(&CREATED_BY, "a string");
    request.tags = fields
        .value(&TAGS, "an array of strings")
        .unwrap_or_default();
    request.due = due(fields).unwrap_or_default();
    let expires = fields.value(&EXPIRES_MS, "a whole number of milliseconds");
    request.expires = expires.map(Duration::from_millis);
    request
}

/// Reads the field `priority`.
pub(in crate::http) fn priority(fields: &mut BodyFields<'_>) -> Option<Priority> {
    let expected = "`low`, `normal`, `high`, `critical` or 0 to 100";
    fields.value(&PRIORITY, expected)
}

/// Reads the due time from `delayMs` or `runAt`.
pub(in crate::http) fn due(fields: &mut BodyFields<'_>) -> Option<Due> {
    let delay: Option<u64> = fields.value(&DELAY_MS, "a whole number of milliseconds");
    let run_at: Option<Timestamp> = fields.value(&RUN_AT, "a time like `2030-01-31T12:00:00Z`");
    match (delay, run_at) {
        (None, None) => None,
        (Some(delay), None) => Some(Due::After(Duration::from_millis(delay))),
        (None, Some(time)) => Some(Due::At(time.into())),
        (Some(_), Some(_)) => {
            fields.add_violation("delayMs", "cannot be combined with `runAt`");
            None
        }
    }
}

/// The executions whose states one call reads.
const STATES_AT_ONCE: usize = 1_000;

async fn triggered_executions(
    api: &ApiState,
    accepted: Vec<EnqueuedRequest>,
) -> Result<Vec<Triggered>, Problem> {
    // An existing execution may have left its initial status.
    let existing = accepted.iter().filter(|one| !one.enqueued.triggered);
    let existing: Vec<_> = existing.map(|one| one.enqueued.execution_id).collect();
    let mut statuses = HashMap::with_capacity(existing.len());
    for ids in existing.chunks(STATES_AT_ONCE) {
        let states = api.service.store().execution_states(ids.to_vec()).await?;
        statuses.extend(
            states
                .into_iter()
                .map(|state| (state.execution_id, state.status)),
        );
    }
    let triggered = accepted.into_iter().map(|one| {
        let id = one.enqueued.execution_id;
        Triggered {
            execution_id: id,
            job_id: one.job.id().to_owned(),
            status: statuses.get(&id).copied().unwrap_or(one.status),
            triggered: one.enqueued.triggered,
            outcome: EnqueueOutcome::of(one.answer),
        }
    });
    Ok(triggered.collect())
}

fn response_status(created: bool) -> StatusCode {
    if created {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    }
}

/// Removes the quotes of an `Idempotency-Key`. The IETF draft quotes the key; many clients do not.
fn unquoted(key: &str) -> &str {
    key.strip_prefix('"')
        .and_then(|key| key.strip_suffix('"'))
        .unwrap_or(key)
}
