//! The HTTP interface: jobs, triggers, executions, queues, workers, events and health.
//!
//! | module | contents |
//! |---|---|
//! | `routes` | the route table, and one handler for each method and path |
//! | `route_doc` | the documentation of a route as data |
//! | `openapi` | the OpenAPI document, derived from the table and the jobs; the page `/docs` |
//! | `request` | checks and extractors: `Host` and `Origin`, content type, path, query, body |
//! | `response` | [`problem`] responses, error conversion |
//! | `events` | the server-sent events of `GET /events` |
//!
//! ```text
//! request ─▶ deadline, panics ─▶ Host, Origin ─▶ route ─▶ content type, body ─▶ service, store
//!               503, 500           421, 403     404, 405    415, 413, 400       422, 409, …
//! ```
//!
//! Handlers call the [`JobService`] and read the store; no route calls the engine. Every error
//! response is an `application/problem+json` with a stable `code` (see [`problem`]).
//!
//! The folder may import the service, the store contract, the clock, `health` and `time`. It must
//! not import the engine, the runtime, the command line or a particular store.
//!
//! Paths that are often looked for:
//!
//! * A **422** lists its **violations**: `service/payload` finds them, `response/errors.rs` builds
//!   the response.
//! * The **cursor** of `GET /executions` is parsed in `routes/list_executions.rs`; its type is
//!   [`Cursor`](crate::store::Cursor) in `store/contract`; a store makes it in `read/list.rs`.
//! * **Cancel** starts in `routes/executions.rs` and continues in [`JobService::cancel`] and
//!   [`cancel`](crate::store::OperatorStore::cancel). The heartbeat of the engine
//!   (`engine/heartbeat.rs`) reads the request and interrupts the running attempt.

mod bind;
mod events;
mod openapi;
mod request;
mod response;
mod route_doc;
mod routes;

use std::io;
use std::sync::Arc;

use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::JobService;
use crate::health::Health;
use request::guard;
use response::problem::{Code, Problem};

pub use bind::{BindError, check_bind};
#[cfg(feature = "cli")]
pub(crate) use openapi::openapi as openapi_document;
pub use response::problem;

/// The path prefix of every route except `/` and the health routes.
pub const PREFIX: &str = "/api/v1/workers";

/// The state that route handlers share.
#[derive(Clone, Debug)]
struct ApiState {
    service: JobService,
    health: Arc<Health>,
    events: Arc<events::EventBroadcaster>,
}

/// Builds the router for a listener of its own. It answers only requests that name this machine.
///
/// A web page can bind its own name to 127.0.0.1 and send requests there (DNS rebinding). The
/// interface has no access tokens yet, so the `Host` and `Origin` headers are checked instead.
pub fn router(service: JobService, health: Arc<Health>) -> Router {
    routes(service, health).layer(middleware::from_fn(guard::require_local))
}

/// Builds the router without the checks of `Host` and `Origin`, to be mounted in an application
/// that authenticates its callers.
pub fn routes(service: JobService, health: Arc<Health>) -> Router {
    let api = ApiState {
        events: events::EventBroadcaster::new(
            Arc::clone(service.store()),
            Arc::clone(service.clock()),
        ),
        service,
        health,
    };
    routes::router()
        .route_layer(middleware::from_fn(guard::require_json))
        .fallback(async || Problem::new(Code::NotFound, "no such route; `GET /` lists the routes"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Code::MethodNotAllowed,
                "the route does not support this method",
            )
        })
        .layer(middleware::from_fn_with_state(
            api.clone(),
            guard::with_deadline,
        ))
        .with_state(api)
}

/// Serves connections until `shutdown`, then completes the requests that have begun. Event streams
/// end at once.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let server_shutdown = Extension(events::ServerShutdown(shutdown.clone()));
    axum::serve(listener, router.layer(server_shutdown))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}
