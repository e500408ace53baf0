//! `POST /jobs/{id}/trigger`, `POST /jobs/{id}/trigger-batch`.
//!
//! A batch is `{"executions": [{"payload": …, "priority": …}, …]}`: each entry is what the body of
//! a single trigger would be. All of them are enqueued or none.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{ExecutionId, ExecutionStatus};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::request::body::{Fields, MAX_BATCH_BODY, MAX_BODY, Text, accept};
use crate::http::request::guard::single;
use crate::http::request::path::JobPath;
use crate::http::response::problem::{Code, Problem};
use crate::http::response::errors::Shape;
use crate::http::{Interface, PREFIX};
use crate::service::{Accepted, MAX_BATCH};
use crate::time::Timestamp;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What became of a trigger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Triggered {
    execution_id: ExecutionId,
    job_id: String,
    status: ExecutionStatus,
    /// Whether this request has created the execution.
    triggered: bool,
}

/// What became of a batch, in its order.
#[derive(Serialize)]
pub(in crate::http) struct TriggeredBatch {
    executions: Vec<Triggered>,
}

pub(in crate::http) async fn one(
    State(interface): State<Interface>,
    JobPath(job_id): JobPath,
    headers: HeaderMap,
    Text(body): Text<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = Fields::read(&body, String::new())?;
    let mut request = request(&mut fields, &job_id);
    if headers.contains_key(IDEMPOTENCY_KEY) {
        let header = single(&headers, &IDEMPOTENCY_KEY).map(unquoted);
        match (header, &request.idempotency_key) {
            (Some(header), None) => request.idempotency_key = Some(header.to_owned()),
            (Some(header), Some(field)) if header == field => {}
            _ => fields.wrong(
                "idempotencyKey",
                "must be given once: in the header `Idempotency-Key` or in the body",
            ),
        }
    }
    request.trace_parent = trace_parent(&headers);
    accept(&fields.finish())?;

    let accepted = interface
        .service
        .accept(vec![request])
        .await
        .map_err(|refusal| Problem::refused(refusal, Shape::One))?;
    let mut triggered = answers(&interface, accepted).await?;
    let Some(triggered) = triggered.pop() else {
        return Err(Problem::new(Code::Internal, "the store gave no answer"));
    };
    let location = format!("{PREFIX}/executions/{}", triggered.execution_id);
    let status = status_of(triggered.triggered);
    Ok((status, [(header::LOCATION, location)], Json(triggered)).into_response())
}

pub(in crate::http) async fn batch(
    State(interface): State<Interface>,
    JobPath(job_id): JobPath,
    headers: HeaderMap,
    Text(body): Text<MAX_BATCH_BODY>,
) -> Result<Response, Problem> {
    let mut fields = Fields::read(&body, String::new())?;
    let entries = entries(&mut fields);
    if headers.contains_key(IDEMPOTENCY_KEY) {
        fields.wrong(
            "executions",
            "must have an `idempotencyKey` each: the header names only one execution",
        );
    }
    let mut violations = fields.finish();
    if entries.len() > MAX_BATCH {
        let detail = format!("{} executions, {MAX_BATCH} are allowed", entries.len());
        return Err(Problem::new(Code::PayloadTooLarge, detail).with("limit", MAX_BATCH));
    }
    // A wrong job is wrong for all of them, also when there is none.
    interface.service.job(&job_id).await?;
    let mut requests = Vec::with_capacity(entries.len());
    let trace_parent = trace_parent(&headers);
    for (index, entry) in entries.into_iter().enumerate() {
        let mut fields = Fields::read(entry.get(), format!("/executions/{index}"))?;
        let mut request = request(&mut fields, &job_id);
        request.trace_parent = trace_parent.clone();
        requests.push(request);
        violations.extend(fields.finish());
    }
    accept(&violations)?;

    let accepted = interface
        .service
        .accept(requests)
        .await
        .map_err(|refusal| Problem::refused(refusal, Shape::Batch))?;
    let executions = answers(&interface, accepted).await?;
    let status = status_of(executions.iter().any(|one| one.triggered));
    Ok((status, Json(TriggeredBatch { executions })).into_response())
}

fn entries<'a>(fields: &mut Fields<'a>) -> Vec<&'a RawValue> {
    let Some(list) = fields.raw("executions") else {
        fields.wrong("executions", "is required");
        return Vec::new();
    };
    serde_json::from_str(list.get()).unwrap_or_else(|_| {
        fields.wrong("executions", "must be an array");
        Vec::new()
    })
}

/// One execution as a body describes it.
fn request(fields: &mut Fields<'_>, job_id: &str) -> EnqueueRequest {
    let payload = fields.raw("payload").map_or("{}", RawValue::get);
    let mut request = EnqueueRequest::new(job_id.to_owned(), payload.to_owned());
    request.triggered_by = TriggeredBy::Http;
    request.priority = fields.priority();
    request.idempotency_key = fields.value("idempotencyKey", "a string");
    request.correlation_id = fields.value("correlationId", "a string");
    request.item_id = fields.value("itemId", "a string");
    request.created_by = fields.value("createdBy", "a string");
    request.tags = fields
        .value("tags", "an array of strings")
        .unwrap_or_default();
    request.due = due(fields).unwrap_or_default();
    request
}

/// When something becomes available, if a body says so.
pub(in crate::http) fn due(fields: &mut Fields<'_>) -> Option<Due> {
    let delay: Option<u64> = fields.value("delayMs", "a whole number of milliseconds");
    let run_at: Option<Timestamp> = fields.value("runAt", "a time like `2030-01-31T12:00:00Z`");
    match (delay, run_at) {
        (None, None) => None,
        (Some(delay), None) => Some(Due::After(Duration::from_millis(delay))),
        (None, Some(time)) => Some(Due::At(time.into())),
        (Some(_), Some(_)) => {
            fields.wrong("delayMs", "cannot be combined with `runAt`");
            None
        }
    }
}

async fn answers(
    interface: &Interface,
    accepted: Vec<Accepted>,
) -> Result<Vec<Triggered>, Problem> {
    let mut answers = Vec::with_capacity(accepted.len());
    for one in accepted {
        let id = one.enqueued.execution_id;
        let status = match one.enqueued.triggered {
            true => one.status,
            // The first call was a while ago.
            false => match interface.service.store().execution(id).await? {
                Some(execution) => execution.status,
                None => one.status,
            },
        };
        answers.push(Triggered {
            execution_id: id,
            job_id: one.job.id().to_owned(),
            status,
            triggered: one.enqueued.triggered,
        });
    }
    Ok(answers)
}

fn status_of(triggered: bool) -> StatusCode {
    match triggered {
        true => StatusCode::ACCEPTED,
        false => StatusCode::OK,
    }
}

fn trace_parent(headers: &HeaderMap) -> Option<String> {
    single(headers, &TRACEPARENT).map(str::to_owned)
}

/// The header is a quoted string in the standard's draft and a bare one in the wild.
fn unquoted(key: &str) -> &str {
    key.strip_prefix('"')
        .and_then(|key| key.strip_suffix('"'))
        .unwrap_or(key)
}
