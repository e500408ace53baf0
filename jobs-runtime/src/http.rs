//! The HTTP interface: jobs, triggers, executions, queues, workers, events and health.
//!
//! | module | contents |
//! |---|---|
//! | `routes` | the route table, and one handler for each method and path |
//! | `route_doc` | the documentation of a route as data |
//! | `openapi` | the OpenAPI document, derived from the table and the jobs; the page `/docs` |
//! | `auth` | tokens, roles, `Host` and `Origin`; the [`Caller`] of a request |
//! | `config` | the settings of the interface |
//! | `request` | checks and extractors: content type, path, query, body |
//! | `response` | [`problem`] responses, error conversion |
//! | `mount` | the prefix under which an application mounts the interface |
//! | `cors` | cross-origin requests of allowed origins |
//! | `server` | connections and their bounds |
//! | `events` | the server-sent events of `GET /events` |
//! | `dashboard` | the page for browsers, and its embedded files |
//!
//! ```text
//! request ─▶ deadline, panics ─▶ caller ─▶ route ─▶ role ─▶ content type, body ─▶ service, store
//!               503, 500           401    404, 405   403      415, 413, 400       422, 409, …
//! ```
//!
//! Handlers call the [`JobService`] and the leases of external workers (`external`), and read the
//! store; no route calls the engine. Every error response is an `application/problem+json` with a
//! stable `code` (see [`problem`]).
//!
//! The folder may import the service, `external`, the store contract, the clock, `health`,
//! `telemetry` and `time`. It must not import the runtime, the command line, a particular store, or
//! the engine except its settings.
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

mod auth;
mod bind;
mod config;
mod cors;
mod dashboard;
mod events;
mod mount;
mod openapi;
mod request;
mod response;
mod route_doc;
mod routes;
mod server;

use std::sync::Arc;

use axum::{Extension, Router, middleware};
use tokio_util::sync::CancellationToken;

use crate::JobService;
use crate::engine::EngineConfig;
use crate::external::{ExternalLeases, Settings};
use crate::health::Health;
use crate::hooks::Hooks;
use auth::Auth;
use request::{guard, trace};
use response::gzip;
use response::problem::{Code, Problem};

pub use auth::Caller;
pub(crate) use auth::Exposure;
pub(crate) use bind::is_loopback;
pub use bind::{BindError, check_bind};
pub use config::{DashboardConfig, HttpConfig};
#[cfg(feature = "cli")]
pub(crate) use openapi::openapi as openapi_document;
pub use response::problem;
pub use server::serve;
pub(crate) use server::serve_with;

/// The path prefix of every route except `/` and the health routes.
pub const PREFIX: &str = "/api/v1/workers";

/// The state that route handlers share.
#[derive(Clone, Debug)]
struct ApiState {
    service: JobService,
    health: Arc<Health>,
    events: Arc<events::EventBroadcaster>,
    auth: Arc<Auth>,
    external: ExternalLeases,
}

/// Builds the router for a listener on a loopback address, with the default settings.
///
/// While the store has no token, it answers every program of this machine, and checks `Host` and
/// `Origin`. Otherwise each request needs a token.
pub fn router(service: JobService, health: Arc<Health>) -> Router {
    let external = without_maintenance(service.clone());
    build(
        service,
        health,
        HttpConfig::default(),
        Exposure::Loopback,
        external,
    )
}

/// The leases of external workers in a process in which another part promotes and rescues.
fn without_maintenance(service: JobService) -> ExternalLeases {
    let settings = Settings::of(&EngineConfig::default());
    ExternalLeases::new(service, settings, None, Hooks::default())
}

/// Builds the router that an application mounts in its own.
///
/// The application authenticates its callers and adds a [`Caller`] to each request. A request
/// without one needs a token of the store.
pub fn routes(service: JobService, health: Arc<Health>) -> Router {
    let external = without_maintenance(service.clone());
    build(
        service,
        health,
        HttpConfig::default(),
        Exposure::Mounted,
        external,
    )
}

/// Ends the event streams of a router when the token is cancelled.
pub(crate) fn with_shutdown(router: Router, stopped: CancellationToken) -> Router {
    router.layer(Extension(events::ServerShutdown(stopped)))
}

/// Builds the router for an exposure, with the leases of external workers of a runtime.
pub(crate) fn build(
    service: JobService,
    health: Arc<Health>,
    config: HttpConfig,
    exposure: Exposure,
    external: ExternalLeases,
) -> Router {
    let config = Arc::new(config);
    let dashboard_routes = dashboard::router(&config.dashboard);
    let api = ApiState {
        events: events::EventBroadcaster::new(
            Arc::clone(service.store()),
            Arc::clone(service.clock()),
        ),
        auth: Arc::new(Auth::new(service.clone(), Arc::clone(&config), exposure)),
        service,
        health,
        external,
    };
    routes::router()
        .route_layer(middleware::from_fn(guard::require_json))
        .route_layer(middleware::from_fn_with_state(api.clone(), trace::in_span))
        .fallback(async || Problem::new(Code::NotFound, "no such route; `GET /` lists the routes"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                Code::MethodNotAllowed,
                "the route does not support this method",
            )
        })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&api.auth),
            auth::authenticate,
        ))
        .layer(middleware::from_fn(mount::add_prefix))
        .layer(middleware::from_fn(gzip::compress))
        .layer(middleware::from_fn_with_state(config, cors::allow_origins))
        .layer(middleware::from_fn_with_state(
            api.clone(),
            guard::with_deadline,
        ))
        .with_state(api)
        // Outside of the deadline's layer, which forbids browsers to keep responses.
        .merge(dashboard_routes)
        .layer(middleware::from_fn(dashboard::lead_browsers))
}
