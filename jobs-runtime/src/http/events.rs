//! `GET /events`: what changes, as it changes.
//!
//! Server-sent events. What a client gets:
//!
//! | event | data | means |
//! |---|---|---|
//! | `execution` | `{executionId, jobId, status}` | it has become this: so far told for final ones |
//! | `ready` | `{}` | executions have become available to workers |
//! | `changed` | `{}` | something has changed that is not told in detail: another process wrote |
//! | `reset` | `{}` | what happened since the last event is lost: read again what is shown |
//!
//! Events are hints: what is true stands in the store. `jobId` and `executionId` filter the
//! `execution` events; the others concern everybody. Hints come at most four times a second each.
//!
//! Every event has an `id`. A client that comes back with it in `Last-Event-ID` gets what it has
//! missed, or `reset` when that is too much. One that reads too slowly gets `reset` as well:
//! nothing piles up for it. A comment every 15 seconds shows both sides that the other is there.

mod stream;
mod event;
mod broadcaster;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use jobs::ExecutionId;
use tokio_util::sync::CancellationToken;

use super::Interface;
use super::request::guard::single;
use super::response::problem::{Code, Problem};
use super::request::query::Parameters;
use event::Position;
use stream::Subscriber;

pub(super) use broadcaster::Hub;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a client wants to hear of.
#[derive(Debug)]
struct Filter {
    job_id: Option<String>,
    execution_id: Option<ExecutionId>,
}

/// Says to streams that the server ends; in the extensions of its requests.
#[derive(Clone, Debug)]
pub(super) struct Ending(pub(super) CancellationToken);

pub(super) async fn events(
    State(interface): State<Interface>,
    headers: HeaderMap,
    extensions: Extensions,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let filter = Filter {
        job_id: parameters.text("jobId"),
        execution_id: parameters.parsed("executionId"),
    };
    parameters.finish()?;
    let hub = &interface.events;
    let Some(seat) = hub.seat() else {
        let detail = format!("{} clients listen already", broadcaster::SEATS);
        return Err(Problem::new(Code::TooManySubscribers, detail));
    };
    let last = match headers.contains_key(LAST_EVENT_ID) {
        // One that cannot be read was not given by this process: everything was missed.
        true => Some(single(&headers, &LAST_EVENT_ID).and_then(Position::parse)),
        false => None,
    };
    let ending = extensions.get::<Ending>().map(|ending| ending.0.clone());
    let subscriber = Subscriber::new(hub, seat, filter, last, ending);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies that collect answers would hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(subscriber.into_stream());
    Ok((headers, body).into_response())
}
