//! `GET /events`: changes as server-sent events.
//!
//! | event | data | meaning |
//! |---|---|---|
//! | `enqueued` | `{executionId, jobId, queue, status}` | an execution was created |
//! | `started` | `{…, attempt}` | a worker has claimed an attempt |
//! | `progress` | `{…, attempt, progress}` | the attempt has reported progress |
//! | `log` | `{…, attempt, line, level}` | the attempt has logged this line |
//! | `attemptEnded` | `{…, attempt, outcome, errorKind, retryAt}` | the attempt has ended |
//! | `execution` | `{executionId, jobId, queue, status}` | an execution became final |
//! | `ready` | `{}` | executions have become available to workers |
//! | `changed` | `{}` | another process wrote to the store, or a change is too large to list |
//! | `reset` | `{}` | events since the last one are lost: the client reloads what it shows |
//!
//! Events are hints; the store holds the truth. `jobId`, `queue` and `executionId` filter the
//! events about executions; every client receives the others. `log` goes to clients with an
//! `executionId`. `ready` and `changed` are sent at most four times a second each. No event has a
//! text of a handler: clients read it from the execution or its log, where sensitive values are
//! masked.
//!
//! The first five come from store calls of this process, at once and without a query. They are sent
//! at most 1,000 times a second; more become `changed`. Another process's changes are `execution`,
//! `ready` or `changed`, as far as its store announces them.
//!
//! Every event has an `id`. A client that reconnects with this id in `Last-Event-ID` receives the
//! events that it has missed, or `reset` if they are no longer kept. A client that reads too slowly
//! receives `reset` as well, so its backlog is bounded. A comment every 15 seconds keeps the
//! connection alive.
//!
//! A stream ends at most 20 seconds after its token has expired or was revoked.
//!
//! [`broadcaster`] reads the store's events once for all clients, [`event`] holds the types and
//! their wire format, [`stream`] is the response to one client, and [`access`] checks its token.
//! The folder may import the store contract and the other parts of `http`; it must not import the
//! engine.

mod access;
mod broadcaster;
mod event;
mod stream;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use jobs::ExecutionId;
use tokio_util::sync::CancellationToken;

use super::ApiState;
use super::auth::UsedToken;
use super::request::guard::single_header;
use super::request::query::QueryParameters;
use super::response::problem::{Code, Problem};
use super::route_doc::{Answer, Input, RouteDoc};
use access::StreamAccess;
use event::EventId;
use stream::{EventStream, Resume};

pub(super) use broadcaster::EventBroadcaster;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const JOB_ID: Input = Input::text("jobId", "events about executions of this job");
const QUEUE: Input = Input::text("queue", "events about executions of this queue");
const EXECUTION_ID: Input =
    Input::value::<ExecutionId>("executionId", "events about this execution, with its log");
const PARAMETERS: &[Input] = &[JOB_ID, QUEUE, EXECUTION_ID];

pub(super) const STREAM: RouteDoc = RouteDoc::new(
    "streamEvents",
    "changes as server-sent events",
    &[Answer::text(
        "text/event-stream",
        "the stream; it ends with its token",
    )],
)
.query(PARAMETERS)
.problems(&[Code::TooManySubscribers]);

/// Selects the events about executions of one client.
#[derive(Debug)]
struct Filter {
    job_id: Option<String>,
    queue: Option<String>,
    execution_id: Option<ExecutionId>,
}

/// Ends event streams when the server shuts down. Stored in the extensions of its requests.
#[derive(Clone, Debug)]
pub(super) struct ServerShutdown(pub(super) CancellationToken);

/// Handles `GET /events`.
pub(super) async fn stream_events(
    State(api): State<ApiState>,
    headers: HeaderMap,
    extensions: Extensions,
    token: Option<Extension<UsedToken>>,
    mut parameters: QueryParameters,
) -> Result<Response, Problem> {
    let filter = Filter {
        job_id: parameters.text(&JOB_ID),
        queue: parameters.text(&QUEUE),
        execution_id: parameters.parsed(&EXECUTION_ID),
    };
    parameters.finish(PARAMETERS)?;
    let broadcaster = &api.events;
    let Some(client_permit) = broadcaster.client_permit() else {
        let detail = format!(
            "{} clients receive events already, which is the limit",
            broadcaster::MAX_CLIENTS
        );
        return Err(Problem::new(Code::TooManySubscribers, detail));
    };
    let resume = if headers.contains_key(LAST_EVENT_ID) {
        match single_header(&headers, &LAST_EVENT_ID).and_then(EventId::parse) {
            Some(last) => Resume::After(last),
            None => Resume::Unknown,
        }
    } else {
        Resume::Fresh
    };
    let shutdown = extensions
        .get::<ServerShutdown>()
        .map(|shutdown| shutdown.0.clone());
    let access = StreamAccess::new(&api.auth, token.map(|Extension(token)| token));
    let stream = EventStream::new(broadcaster, client_permit, filter, resume, access, shutdown);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Stops nginx and similar proxies from buffering events.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(stream.into_stream());
    Ok((headers, body).into_response())
}
