//! The HTTP interface: jobs, triggers, executions, health.
//!
//! ```text
//! request ──▶ deadline, panics ──▶ Host, Origin ──▶ route ──▶ content type, body ──▶ service / store
//!                  503, 500           421, 403     404, 405      415, 413, 400        422, 409, …
//! ```
//!
//! Reads never touch the engine: they read the store. Every refusal is an
//! `application/problem+json` with a stable `code` (see [`problem`]).

mod bind;
mod body;
mod edit;
mod events;
mod executions;
mod explain;
mod feed;
mod guard;
mod health;
mod index;
mod jobs;
mod logs;
mod members;
mod path;
pub mod problem;
mod processes;
mod query;
mod queues;
mod redact;
mod refusal;
mod retry;
mod trigger;

use std::io;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::JobService;
use crate::health::Health;
use problem::{Code, Problem};

pub use bind::{BindError, check_bind};

/// Where the routes of the interface are, health excepted.
pub const PREFIX: &str = "/api/v1/workers";

/// What handlers work with.
#[derive(Clone, Debug)]
struct Interface {
    service: JobService,
    health: Arc<Health>,
    events: Arc<events::Hub>,
}

/// The interface for a listener of its own: answers only requests that name this machine.
///
/// A browser sends any page's requests to `127.0.0.1`, under whatever name its page has bound to
/// it; until there are tokens, the `Host` and `Origin` headers tell those from ours.
pub fn router(service: JobService, health: Arc<Health>) -> Router {
    routes(service, health).layer(middleware::from_fn(guard::only_this_machine))
}

/// The interface without the check of `Host` and `Origin`, to be mounted in an application that
/// authenticates its callers itself.
pub fn routes(service: JobService, health: Arc<Health>) -> Router {
    let interface = Interface {
        events: events::Hub::new(Arc::clone(service.store()), Arc::clone(service.clock())),
        service,
        health,
    };
    let api = Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show))
        .route("/jobs/{id}/trigger", post(trigger::one))
        .route("/jobs/{id}/trigger-batch", post(trigger::batch))
        .route("/executions", get(feed::page))
        .route(
            "/executions/{id}",
            get(executions::show)
                .patch(edit::edit)
                .delete(executions::delete),
        )
        .route("/executions/{id}/logs", get(logs::page))
        .route("/executions/{id}/explain", get(explain::explain))
        .route("/executions/{id}/cancel", post(executions::cancel))
        .route("/executions/{id}/retry", post(retry::retry))
        .route("/queues", get(queues::list))
        .route("/queues/{queue}/pause", post(queues::pause))
        .route("/queues/{queue}/resume", post(queues::resume))
        .route("/processes", get(processes::list))
        .route("/events", get(events::events));
    Router::new()
        .route("/", get(index::index))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/health", get(health::health))
        .nest(PREFIX, api)
        .route_layer(middleware::from_fn(guard::only_json))
        .fallback(async || Problem::new(Code::NotFound, "no such route; `GET /` lists them"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Code::MethodNotAllowed,
                "the route does not answer this method",
            )
        })
        .layer(middleware::from_fn_with_state(
            interface.clone(),
            guard::bounded,
        ))
        .with_state(interface)
}

/// Serves connections until `shutdown`, then ends the requests that have begun; streams of events
/// end at once.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let ending = Extension(events::Ending(shutdown.clone()));
    axum::serve(listener, router.layer(ending))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}
