//! `GET /queues`, `POST /queues/{queue}/pause`, `POST /queues/{queue}/resume`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::http::Interface;
use crate::http::request::body::{Fields, MAX_BODY, Text, accept};
use crate::http::request::path::QueuePath;
use crate::http::response::problem::{Code, Problem};
use crate::http::request::query::Parameters;
use crate::QueueAnswer;
use crate::store::QueueRecord;

/// The queues, by name.
#[derive(Serialize)]
pub(in crate::http) struct Queues {
    queues: Vec<QueueRecord>,
}

/// How a queue is by now.
#[derive(Serialize)]
pub(in crate::http) struct QueueState {
    queue: String,
    paused: bool,
    /// Whether this request has made it so.
    changed: bool,
}

pub(in crate::http) async fn list(
    State(interface): State<Interface>,
    parameters: Parameters,
) -> Result<Json<Queues>, Problem> {
    parameters.finish()?;
    let queues = interface.service.queues().await?;
    Ok(Json(Queues { queues }))
}

pub(in crate::http) async fn pause(
    State(interface): State<Interface>,
    QueuePath(queue): QueuePath,
    Text(body): Text<MAX_BODY>,
) -> Result<Json<QueueState>, Problem> {
    accept(&Fields::read(&body, String::new())?.finish())?;
    let answer = interface.service.pause(&queue).await?;
    state(queue, true, answer)
}

pub(in crate::http) async fn resume(
    State(interface): State<Interface>,
    QueuePath(queue): QueuePath,
    Text(body): Text<MAX_BODY>,
) -> Result<Json<QueueState>, Problem> {
    accept(&Fields::read(&body, String::new())?.finish())?;
    let answer = interface.service.resume(&queue).await?;
    state(queue, false, answer)
}

fn state(queue: String, paused: bool, answer: QueueAnswer) -> Result<Json<QueueState>, Problem> {
    let changed = match answer {
        QueueAnswer::Changed => true,
        QueueAnswer::Unchanged => false,
        QueueAnswer::Unknown { near } => {
            let detail = format!("no job names a queue `{queue}`, and nothing is in it");
            return Err(Problem::new(Code::UnknownQueue, detail).with("near", near));
        }
    };
    Ok(Json(QueueState {
        queue,
        paused,
        changed,
    }))
}
