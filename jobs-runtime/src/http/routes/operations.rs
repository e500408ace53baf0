//! `/operations`: bulk operations on every execution that a filter matches.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jobs::ExecutionId;
use jobs::runtime::Due;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dry_run::{DRY_RUN, is_dry_run};
use super::list_executions::{
    CORRELATION_ID, CREATED_BY, ERROR_FINGERPRINT, ITEM_ID, JOB_ID, LIMIT, QUEUE, SINCE, STATUS,
    TAG, UNTIL,
};
use super::trigger::{DELAY_MS, PRIORITY, RUN_AT, due, priority};
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::OperationPath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::http::{ApiState, PREFIX};
use crate::service::{BulkPreview, check_operation};
use crate::store::{BulkAct, BulkEdit, BulkFilter, BulkOperation};

/// The word of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Act {
    Cancel,
    Retry,
    Delete,
    Edit,
}

const ACT: Input = Input::value::<Act>(
    "act",
    "what happens to each execution: `cancel`, `retry`, `delete` or `edit`",
)
.required();

const NEW_QUEUE: Input = Input::name("queue", "the new queue");
const EDIT_FIELDS: &[Input] = &[PRIORITY, DELAY_MS, RUN_AT, NEW_QUEUE];
const EDIT: Input = Input::object(
    "edit",
    EDIT_FIELDS,
    "the new values of the act `edit`; an absent one stays as it is",
);

const IDS: Input = Input::value::<Vec<ExecutionId>>("ids", "these executions, at most 1,000");
const FILTER_FIELDS: &[Input] = &[
    JOB_ID,
    STATUS,
    QUEUE,
    ITEM_ID,
    CORRELATION_ID,
    CREATED_BY,
    TAG,
    SINCE,
    UNTIL,
    ERROR_FINGERPRINT,
    IDS,
];
const FILTER: Input = Input::object(
    "filter",
    FILTER_FIELDS,
    "the executions; one matches if it passes all filters, of which there is at least one",
)
.required();
const REQUESTED_BY: Input = Input::name("createdBy", "the user or program that requests it");
const FIELDS: &[Input] = &[ACT, EDIT, FILTER, REQUESTED_BY, DRY_RUN];

/// The response to the dry run of an operation.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct OperationPreview {
    /// Always true.
    dry_run: bool,
    #[serde(flatten)]
    preview: BulkPreview,
}

/// The operations, newest first.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Operations {
    operations: Vec<BulkOperation>,
}

pub(in crate::http) const START: RouteDoc = RouteDoc::new(
    "startOperation",
    "starts a bulk operation, or previews it",
    &[
        Answer::json::<BulkOperation>(StatusCode::ACCEPTED, "the operation is started"),
        Answer::json::<OperationPreview>(StatusCode::OK, "the answer to a dry run"),
    ],
)
.body(FIELDS);

/// 202 when an operation is started, 200 for a dry run.
pub(in crate::http) async fn start(
    State(api): State<ApiState>,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let act = fields.value(&ACT, "`cancel`, `retry`, `delete` or `edit`");
    if act.is_none() && !fields.has_violation("act") {
        fields.add_violation("act", "is required");
    }
    let edit = edit(&mut fields, act);
    let filter = filter(&mut fields);
    let created_by = fields.value(&REQUESTED_BY, "a string");
    let is_dry_run = is_dry_run(&mut fields);
    reject_violations(&fields.finish())?;
    let act = match act {
        Some(Act::Cancel) => BulkAct::Cancel,
        Some(Act::Retry) => BulkAct::Retry,
        Some(Act::Delete) => BulkAct::Delete,
        Some(Act::Edit) | None => BulkAct::Edit(edit.resolve(&api)?),
    };
    check_operation(&act, &filter)
        .map_err(|error| Problem::violations(Code::InvalidRequest, &error.0))?;
    if is_dry_run {
        let preview = api.service.preview_operation(&act, &filter).await?;
        let answer = OperationPreview {
            dry_run: true,
            preview,
        };
        return Ok(Json(answer).into_response());
    }
    let operation = api.service.start_operation(act, filter, created_by).await?;
    let location = format!("{PREFIX}/operations/{}", operation.id);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, location, Json(operation)).into_response())
}

/// The values of an edit, before the time is resolved.
#[derive(Default)]
struct EditValues {
    edit: BulkEdit,
    due: Option<Due>,
}

impl EditValues {
    fn resolve(self, api: &ApiState) -> Result<BulkEdit, Problem> {
        let run_at = self.due.map(|due| api.service.due_time(due)).transpose()?;
        Ok(BulkEdit {
            run_at,
            ..self.edit
        })
    }
}

fn edit(fields: &mut BodyFields<'_>, act: Option<Act>) -> EditValues {
    let given = fields.object(&EDIT, EDIT_FIELDS);
    match (&given, act) {
        (None, Some(Act::Edit)) if !fields.has_violation("edit") => {
            fields.add_violation("edit", "is required");
        }
        (Some(_), Some(Act::Cancel | Act::Retry | Act::Delete)) => {
            fields.add_violation("edit", "belongs to the act `edit`");
        }
        _ => {}
    }
    let Some(mut values) = given else {
        return EditValues::default();
    };
    let edit = EditValues {
        edit: BulkEdit {
            priority: priority(&mut values).map(jobs::Priority::value),
            run_at: None,
            queue: values.value(&NEW_QUEUE, "a string"),
        },
        due: due(&mut values),
    };
    fields.add_violations(values.finish());
    edit
}

fn filter(fields: &mut BodyFields<'_>) -> BulkFilter {
    let Some(mut given) = fields.object(&FILTER, FILTER_FIELDS) else {
        if !fields.has_violation("filter") {
            fields.add_violation("filter", "is required");
        }
        return BulkFilter::default();
    };
    let text = "a string";
    let time = "a time like `2030-01-31T12:00:00Z`";
    let filter = BulkFilter {
        job_id: given.value(&JOB_ID, text),
        status: given.value(&STATUS, "a status, for example `failed`"),
        queue: given.value(&QUEUE, text),
        item_id: given.value(&ITEM_ID, text),
        correlation_id: given.value(&CORRELATION_ID, text),
        created_by: given.value(&CREATED_BY, text),
        tag: given.value(&TAG, text),
        since: given.value(&SINCE, time),
        until: given.value(&UNTIL, time),
        error_fingerprint: given.value(&ERROR_FINGERPRINT, text),
        ids: given
            .value(&IDS, "an array of execution ids")
            .unwrap_or_default(),
    };
    fields.add_violations(given.finish());
    filter
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listOperations",
    "the bulk operations, newest first",
    &[Answer::json::<Operations>(StatusCode::OK, "the operations")],
)
.query(&[LIMIT]);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<Operations>, Problem> {
    let limit = parameters.number(&LIMIT);
    parameters.finish(&[LIMIT])?;
    let operations = api.service.store().operations(limit).await?;
    Ok(Json(Operations { operations }))
}

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getOperation",
    "one bulk operation with its progress",
    &[Answer::json::<BulkOperation>(
        StatusCode::OK,
        "the operation",
    )],
)
.problems(&[Code::UnknownOperation]);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    OperationPath(id): OperationPath,
    parameters: QueryParameters,
) -> Result<Json<BulkOperation>, Problem> {
    parameters.finish(&[])?;
    let operation = api.service.store().operation(id.clone()).await?;
    operation.map(Json).ok_or_else(|| unknown(&id))
}

pub(in crate::http) const CANCEL: RouteDoc = RouteDoc::new(
    "cancelOperation",
    "ends a bulk operation; what it has changed stays changed",
    &[Answer::json::<BulkOperation>(
        StatusCode::OK,
        "the operation has ended, now or before",
    )],
)
.body(&[])
.problems(&[Code::UnknownOperation]);

pub(in crate::http) async fn cancel(
    State(api): State<ApiState>,
    OperationPath(id): OperationPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<BulkOperation>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let operation = api.service.cancel_operation(id.clone()).await?;
    operation.map(Json).ok_or_else(|| unknown(&id))
}

fn unknown(id: &str) -> Problem {
    Problem::new(
        Code::UnknownOperation,
        format!("no operation has the id `{id}`"),
    )
}
