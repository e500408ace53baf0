//! The route table, and one handler for each method and path.
//!
//! [`ROUTES`] is the only list of routes: the router and the index `GET /` derive from it. A module
//! holds the handlers of one resource. A handler reads its input with the extractors of
//! [`request`](super::request), calls the service or the store, and returns JSON or a
//! [`Problem`](super::response::problem::Problem).
//!
//! Handlers may use the service, the store contract and [`Health`](crate::health::Health). They
//! must not import the engine or a particular store.

pub(in crate::http) mod edit;
pub(in crate::http) mod executions;
pub(in crate::http) mod explain;
pub(in crate::http) mod health;
pub(in crate::http) mod index;
pub(in crate::http) mod jobs;
pub(in crate::http) mod list_executions;
pub(in crate::http) mod logs;
pub(in crate::http) mod processes;
pub(in crate::http) mod queues;
pub(in crate::http) mod retry;
pub(in crate::http) mod schedules;
pub(in crate::http) mod trigger;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::{ApiState, events};

/// One row of the route table.
struct Route {
    method: &'static str,
    path: &'static str,
    /// What the route does, its query parameters and the fields of its body.
    summary: &'static str,
    handler: fn() -> MethodRouter<ApiState>,
}

/// Declares the route table. Paths are grouped by their prefix.
macro_rules! routes {
    ($($prefix:literal { $($method:ident $path:literal => $handler:path, $summary:literal;)* })*) => {
        /// Every route of the interface.
        const ROUTES: &[Route] = &[$($(Route {
            method: stringify!($method),
            path: concat!($prefix, $path),
            summary: $summary,
            handler: || on(MethodFilter::$method, $handler),
        },)*)*];
    };
}

routes! {
    "" {
        GET "/" => index::index, "lists the routes";
        GET "/livez" => health::livez, "whether the process responds";
        GET "/readyz" => health::readyz, "whether the process can serve requests";
        GET "/health" => health::health, "the state of every part of the process";
    }
    "/api/v1/workers" {
        GET "/jobs" => jobs::list, "the jobs; ?limit&offset&queue&tag&q";
        GET "/jobs/{id}" => jobs::show, "one job with its schemas";
        POST "/jobs/{id}/trigger" => trigger::one,
            "enqueues an execution: {payload, priority?, delayMs?, runAt?, idempotencyKey?, \
             correlationId?, itemId?, createdBy?, tags?}";
        POST "/jobs/{id}/trigger-batch" => trigger::batch,
            "enqueues all executions or none: {executions: [{payload, …}]}";
        GET "/executions" => list_executions::list,
            "the executions, newest first; \
             ?limit&jobId&status&queue&itemId&correlationId&createdBy&tag&since&until&cursor";
        GET "/executions/{id}" => executions::show, "one execution with its attempts";
        PATCH "/executions/{id}" => edit::edit,
            "changes a waiting execution: {priority?, delayMs?, runAt?, payload?}";
        DELETE "/executions/{id}" => executions::delete,
            "deletes a final execution with its attempts and its log";
        GET "/executions/{id}/logs" => logs::list,
            "the log lines of its handler; ?attempt&level&after&limit";
        GET "/executions/{id}/explain" => explain::explain,
            "the reason why an execution is in its present status";
        POST "/executions/{id}/cancel" => executions::cancel,
            "cancels a waiting execution; requests the cancellation of a running one";
        POST "/executions/{id}/retry" => retry::retry,
            "runs a failed or cancelled execution again: {payload?}";
        GET "/events" => events::stream_events, "changes as server-sent events; ?jobId&executionId";
        GET "/queues" => queues::list,
            "the queues with their pauses and their numbers of executions";
        POST "/queues/{queue}/pause" => queues::pause, "stops claims from a queue";
        POST "/queues/{queue}/resume" => queues::resume, "allows claims from a paused queue again";
        GET "/schedules" => schedules::list, "the schedules; ?jobId";
        POST "/schedules" => schedules::create,
            "creates a schedule: {id, jobId, cron, timezone?, catchUp?, overlap?, jitterMs?, \
             payload?}";
        GET "/schedules/{id}" => schedules::show,
            "one schedule with its next five times and its last ten runs";
        PATCH "/schedules/{id}" => schedules::edit,
            "changes a schedule: {cron?, timezone?, catchUp?, overlap?, jitterMs?, payload?}";
        DELETE "/schedules/{id}" => schedules::delete,
            "deletes a schedule that was created here, or whose declaration is gone";
        POST "/schedules/{id}/pause" => schedules::pause, "lets the times pass without a run";
        POST "/schedules/{id}/resume" => schedules::resume, "runs the times from now on";
        POST "/schedules/{id}/run" => schedules::run, "runs a schedule now, beside its times";
        GET "/processes" => processes::list, "the workers that have a session, and their jobs";
    }
}

/// Builds the router from the route table.
pub(super) fn router() -> Router<ApiState> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, (route.handler)())
    })
}

#[cfg(test)]
mod tests {
    use super::ROUTES;
    use crate::http::PREFIX;

    #[test]
    fn only_the_index_and_health_are_outside_the_prefix() {
        let outside: Vec<_> = ROUTES
            .iter()
            .map(|route| route.path)
            .filter(|path| !path.starts_with(PREFIX))
            .collect();
        assert_eq!(outside, ["/", "/livez", "/readyz", "/health"]);
    }
}
