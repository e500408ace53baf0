//! The route table, and one handler for each method and path.
//!
//! [`ROUTES`] is the only list of routes: the router, the index `GET /` and the OpenAPI document
//! derive from it. A module holds the handlers of one resource. A handler reads its input with the
//! extractors of [`request`](super::request), calls the service or the store, and returns JSON or a
//! [`Problem`](super::response::problem::Problem).
//!
//! Handlers may use the service, the store contract and [`Health`](crate::health::Health). They
//! must not import the engine or a particular store.

pub(in crate::http) mod audit;
pub(in crate::http) mod dry_run;
pub(in crate::http) mod edit;
pub(in crate::http) mod erase;
pub(in crate::http) mod executions;
pub(in crate::http) mod explain;
pub(in crate::http) mod failures;
pub(in crate::http) mod health;
pub(in crate::http) mod index;
pub(in crate::http) mod jobs;
pub(in crate::http) mod leases;
pub(in crate::http) mod limits;
pub(in crate::http) mod list_executions;
pub(in crate::http) mod list_limits;
pub(in crate::http) mod logs;
pub(in crate::http) mod metrics;
pub(in crate::http) mod operations;
pub(in crate::http) mod overview;
pub(in crate::http) mod processes;
pub(in crate::http) mod queues;
pub(in crate::http) mod retry;
pub(in crate::http) mod schedule_times;
pub(in crate::http) mod schedules;
pub(in crate::http) mod series;
pub(in crate::http) mod show_limit;
pub(in crate::http) mod sign_in;
pub(in crate::http) mod store;
pub(in crate::http) mod throughput;
pub(in crate::http) mod tokens;
pub(in crate::http) mod trigger;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::auth;
use super::request::acts;
use super::route_doc::{Access, RouteDoc};
use super::{ApiState, events, openapi};

/// One row of the route table.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) doc: &'static RouteDoc,
    handler: fn() -> MethodRouter<ApiState>,
}

/// Declares the route table. Paths are grouped by their prefix.
macro_rules! routes {
    ($($prefix:literal { $($method:ident $path:literal => $handler:path, $doc:path;)* })*) => {
        /// Every route of the interface.
        pub(super) const ROUTES: &[Route] = &[$($(Route {
            method: stringify!($method),
            path: concat!($prefix, $path),
            doc: &$doc,
            handler: || on(MethodFilter::$method, $handler),
        },)*)*];
    };
}

routes! {
    "" {
        GET "/" => index::index, index::INDEX;
        GET "/openapi.json" => openapi::document, openapi::DOCUMENT;
        GET "/docs" => openapi::page, openapi::PAGE;
        GET "/livez" => health::livez, health::LIVEZ;
        GET "/readyz" => health::readyz, health::READYZ;
        GET "/health" => health::health, health::HEALTH;
        GET "/metrics" => metrics::metrics, metrics::METRICS;
    }
    "/api/v1" {
        POST "/session" => sign_in::sign_in, sign_in::SIGN_IN;
        GET "/session" => sign_in::show, sign_in::SHOW;
        DELETE "/session" => sign_in::sign_out, sign_in::SIGN_OUT;
    }
    "/api/v1/workers" {
        GET "/jobs" => jobs::list, jobs::LIST;
        GET "/jobs/{id}" => jobs::show, jobs::SHOW;
        GET "/jobs/{id}/stats" => overview::stats, overview::STATS;
        POST "/jobs/{id}/trigger" => trigger::one, trigger::ONE;
        POST "/jobs/{id}/trigger-batch" => trigger::batch, trigger::BATCH;
        GET "/executions" => list_executions::list, list_executions::LIST;
        GET "/executions/{id}" => executions::show, executions::SHOW;
        PATCH "/executions/{id}" => edit::edit, edit::EDIT;
        DELETE "/executions/{id}" => executions::delete, executions::DELETE;
        GET "/executions/{id}/logs" => logs::list, logs::LIST;
        GET "/executions/{id}/explain" => explain::explain, explain::EXPLAIN;
        POST "/executions/{id}/cancel" => executions::cancel, executions::CANCEL;
        POST "/executions/{id}/retry" => retry::retry, retry::RETRY;
        POST "/executions/{id}/erase" => erase::erase, erase::ERASE;
        GET "/overview" => overview::show, overview::SHOW;
        GET "/series" => series::show, series::SHOW;
        GET "/throughput" => throughput::show, throughput::SHOW;
        GET "/store" => store::show, store::SHOW;
        GET "/failures" => failures::list, failures::LIST;
        GET "/operations" => operations::list, operations::LIST;
        POST "/operations" => operations::start, operations::START;
        GET "/operations/{id}" => operations::show, operations::SHOW;
        POST "/operations/{id}/cancel" => operations::cancel, operations::CANCEL;
        GET "/events" => events::stream_events, events::STREAM;
        GET "/queues" => queues::list, queues::LIST;
        POST "/queues/{queue}/pause" => queues::pause, queues::PAUSE;
        POST "/queues/{queue}/resume" => queues::resume, queues::RESUME;
        GET "/limits" => list_limits::list, list_limits::LIST;
        GET "/limits/{limit}" => show_limit::show, show_limit::SHOW;
        POST "/limits/{limit}/reset" => limits::reset, limits::RESET;
        GET "/tokens" => tokens::list, tokens::LIST;
        POST "/tokens" => tokens::create, tokens::CREATE;
        DELETE "/tokens/{id}" => tokens::revoke, tokens::REVOKE;
        GET "/audit" => audit::list, audit::LIST;
        POST "/leases" => leases::poll, leases::POLL;
        POST "/leases/{token}/heartbeat" => leases::heartbeat::report, leases::heartbeat::HEARTBEAT;
        POST "/leases/{token}/succeed" => leases::ends::succeed, leases::ends::SUCCEED;
        POST "/leases/{token}/fail" => leases::ends::fail, leases::ends::FAIL;
        POST "/leases/{token}/release" => leases::ends::release, leases::ends::RELEASE;
        GET "/processes" => processes::list, processes::LIST;
        GET "/schedules" => schedules::list, schedules::LIST;
        POST "/schedules" => schedules::create, schedules::CREATE;
        GET "/schedule-times" => schedule_times::list, schedule_times::LIST;
        GET "/schedules/{id}" => schedules::show, schedules::SHOW;
        PATCH "/schedules/{id}" => schedules::edit, schedules::EDIT;
        DELETE "/schedules/{id}" => schedules::delete, schedules::DELETE;
        POST "/schedules/{id}/pause" => schedules::pause, schedules::PAUSE;
        POST "/schedules/{id}/resume" => schedules::resume, schedules::RESUME;
        POST "/schedules/{id}/run" => schedules::run, schedules::RUN;
    }
}

impl Route {
    /// Returns the callers that may use the route.
    pub(super) fn access(&self) -> Access {
        self.doc.access_by(self.method)
    }

    /// Returns whether a request completes although its caller has gone.
    fn completes(&self) -> bool {
        self.method != "GET" && !self.doc.ends_with_caller
    }
}

/// Returns whether a route with this path is open to callers without a token.
pub(super) fn is_open(method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    ROUTES
        .iter()
        .any(|route| route.path == path && route.method == method && route.access() == Access::Open)
}

/// Returns the method and the path of the operation with this id, for the client of the command
/// line.
#[cfg(feature = "cli")]
pub(crate) fn route_of(operation_id: &str) -> Option<(Method, &'static str)> {
    let mut routes = ROUTES.iter();
    let route = routes.find(|route| route.doc.operation_id == operation_id)?;
    let method = Method::from_bytes(route.method.as_bytes()).ok()?;
    Some((method, route.path))
}

/// Builds the router from the route table.
pub(super) fn router() -> Router<ApiState> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let access = route.access();
        let check = move |request: Request, next: Next| auth::require(access, request, next);
        let mut handler = (route.handler)();
        if route.completes() {
            handler = handler.route_layer(from_fn(acts::complete));
        }
        router.route(route.path, handler.route_layer(from_fn(check)))
    })
}

#[cfg(test)]
mod tests {
    use super::ROUTES;
    use crate::http::PREFIX;

    #[test]
    fn only_the_index_monitoring_and_sign_ins_are_outside_the_prefix() {
        let outside: Vec<_> = ROUTES
            .iter()
            .map(|route| route.path)
            .filter(|path| !path.starts_with(PREFIX))
            .collect();
        assert_eq!(
            outside,
            [
                "/",
                "/openapi.json",
                "/docs",
                "/livez",
                "/readyz",
                "/health",
                "/metrics",
                "/api/v1/session",
                "/api/v1/session",
                "/api/v1/session"
            ]
        );
    }

    #[test]
    fn every_route_has_a_name_of_its_own_and_an_answer() {
        let mut names: Vec<_> = ROUTES.iter().map(|route| route.doc.operation_id).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
        for route in ROUTES {
            assert!(!route.doc.answers.is_empty(), "{}", route.path);
        }
    }
}
