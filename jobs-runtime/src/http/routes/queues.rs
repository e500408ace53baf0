//! `GET /queues`, `POST /queues/{queue}/pause`, `POST /queues/{queue}/resume`: list and pause
//! queues.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::QueueAnswer;
use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::QueuePath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::QueueRecord;

/// The queues, sorted by name.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Queues {
    queues: Vec<QueueRecord>,
}

/// The response to a pause or a resume.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct QueueState {
    queue: String,
    paused: bool,
    /// True if this request changed the state of the queue.
    changed: bool,
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listQueues",
    "the queues with their pauses and their numbers of executions",
    &[Answer::json::<Queues>(StatusCode::OK, "the queues")],
);

const REASON: Input = Input::name(
    "reason",
    "why the queue is paused, for people; it stands beside the queue until it is resumed",
);
const PAUSE_FIELDS: &[Input] = &[REASON];

pub(in crate::http) const PAUSE: RouteDoc = RouteDoc::new(
    "pauseQueue",
    "stops claims from a queue",
    &[Answer::json::<QueueState>(
        StatusCode::OK,
        "the queue is paused",
    )],
)
.body(PAUSE_FIELDS)
.problems(&[Code::UnknownQueue]);

pub(in crate::http) const RESUME: RouteDoc = RouteDoc::new(
    "resumeQueue",
    "allows claims from a paused queue again",
    &[Answer::json::<QueueState>(
        StatusCode::OK,
        "the queue is not paused",
    )],
)
.body(&[])
.problems(&[Code::UnknownQueue]);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<Queues>, Problem> {
    parameters.finish(&[])?;
    let queues = api.service.queues().await?;
    Ok(Json(Queues { queues }))
}

pub(in crate::http) async fn pause(
    State(api): State<ApiState>,
    QueuePath(queue): QueuePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<QueueState>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), PAUSE_FIELDS)?;
    let reason = fields.stored_text(&REASON);
    reject_violations(&fields.finish())?;
    let answer = api.service.pause_because(&queue, reason).await?;
    state(queue, true, answer)
}

pub(in crate::http) async fn resume(
    State(api): State<ApiState>,
    QueuePath(queue): QueuePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<QueueState>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    let answer = api.service.resume(&queue).await?;
    state(queue, false, answer)
}

fn state(queue: String, paused: bool, answer: QueueAnswer) -> Result<Json<QueueState>, Problem> {
    let changed = match answer {
        QueueAnswer::Changed => true,
        QueueAnswer::Unchanged => false,
        QueueAnswer::Unknown { near } => {
            let detail = format!("no job uses a queue `{queue}`, and no execution is in it");
            return Err(Problem::new(Code::UnknownQueue, detail).with("near", near));
        }
    };
    Ok(Json(QueueState {
        queue,
        paused,
        changed,
    }))
}
