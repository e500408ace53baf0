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
mod events;
mod request;
mod routes;
mod raw_object;
mod response;

use std::io;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::JobService;
use crate::health::Health;
use response::problem::{Code, Problem};

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
    routes(service, health).layer(middleware::from_fn(request::guard::only_this_machine))
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
        .route("/jobs", get(routes::jobs::list))
        .route("/jobs/{id}", get(routes::jobs::show))
        .route("/jobs/{id}/trigger", post(routes::trigger::one))
        .route("/jobs/{id}/trigger-batch", post(routes::trigger::batch))
        .route("/executions", get(routes::list_executions::page))
        .route(
            "/executions/{id}",
            get(routes::executions::show)
                .patch(routes::edit::edit)
                .delete(routes::executions::delete),
        )
        .route("/executions/{id}/logs", get(routes::logs::page))
        .route("/executions/{id}/explain", get(routes::explain::explain))
        .route("/executions/{id}/cancel", post(routes::executions::cancel))
        .route("/executions/{id}/retry", post(routes::retry::retry))
        .route("/queues", get(routes::queues::list))
        .route("/queues/{queue}/pause", post(routes::queues::pause))
        .route("/queues/{queue}/resume", post(routes::queues::resume))
        .route("/processes", get(routes::processes::list))
        .route("/events", get(events::events));
    Router::new()
        .route("/", get(routes::index::index))
        .route("/livez", get(routes::health::livez))
        .route("/readyz", get(routes::health::readyz))
        .route("/health", get(routes::health::health))
        .nest(PREFIX, api)
        .route_layer(middleware::from_fn(request::guard::only_json))
        .fallback(async || Problem::new(Code::NotFound, "no such route; `GET /` lists them"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Code::MethodNotAllowed,
                "the route does not answer this method",
            )
        })
        .layer(middleware::from_fn_with_state(
            interface.clone(),
            request::guard::bounded,
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
