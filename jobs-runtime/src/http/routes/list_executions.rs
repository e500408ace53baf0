//! `GET /executions`: a filtered list of executions, newest first, in pages.
//!
//! A page ends with the cursor `nextCursor` unless it is the last one. The next request passes it
//! as `cursor`; its type is [`Cursor`](crate::store::Cursor).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::ExecutionStatus;

use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::service::Redactor;
use crate::store::{Cursor, ExecutionPage, ExecutionQuery};
use crate::time::Timestamp;

/// The largest number of rows in a page.
pub(in crate::http) const MAX_LIMIT: usize = 1_000;

/// The number of rows in a page.
pub(in crate::http) const LIMIT: Input = Input::number(
    "limit",
    NumberRange {
        min: 1,
        max: MAX_LIMIT,
        default: 50,
    },
    "the largest number of rows in the page",
);

const JOB_ID: Input = Input::text("jobId", "executions of this job");
const STATUS: Input = Input::value::<ExecutionStatus>("status", "executions in this status");
const QUEUE: Input = Input::text("queue", "executions in this queue");
const ITEM_ID: Input = Input::text("itemId", "executions with this item id");
const CORRELATION_ID: Input = Input::text("correlationId", "executions with this correlation id");
const CREATED_BY: Input = Input::text("createdBy", "executions that this user or program created");
const TAG: Input = Input::text("tag", "executions with this tag");
const SINCE: Input = Input::value::<Timestamp>("since", "executions created at this time or later");
const UNTIL: Input = Input::value::<Timestamp>("until", "executions created before this time");
const CURSOR: Input = Input::value::<Cursor>("cursor", "the `nextCursor` of the page before");
const PARAMETERS: &[Input] = &[
    LIMIT,
    JOB_ID,
    STATUS,
    QUEUE,
    ITEM_ID,
    CORRELATION_ID,
    CREATED_BY,
    TAG,
    SINCE,
    UNTIL,
    CURSOR,
];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listExecutions",
    "the executions, newest first",
    &[Answer::json::<ExecutionPage>(
        StatusCode::OK,
        "a page of executions",
    )],
)
.query(PARAMETERS);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<ExecutionPage>, Problem> {
    let query = ExecutionQuery {
        limit: parameters.number(&LIMIT),
        job_id: parameters.text(&JOB_ID),
        status: parameters.parsed(&STATUS),
        queue: parameters.text(&QUEUE),
        item_id: parameters.text(&ITEM_ID),
        correlation_id: parameters.text(&CORRELATION_ID),
        created_by: parameters.text(&CREATED_BY),
        tag: parameters.text(&TAG),
        since: parameters.parsed(&SINCE),
        until: parameters.parsed(&UNTIL),
        cursor: parameters.parsed(&CURSOR),
    };
    parameters.finish(PARAMETERS)?;

    let mut page = api.service.store().list_executions(query).await?;
    let mut redactor = Redactor::new(&api.service);
    for execution in &mut page.executions {
        redactor.redact(execution).await;
    }
    Ok(Json(page))
}
