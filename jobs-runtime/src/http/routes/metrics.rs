//! `GET /metrics`: the metrics of the process, for Prometheus.

use axum::extract::State;
use axum::http::{HeaderName, header};

use crate::http::ApiState;
use crate::http::route_doc::{Answer, RouteDoc};

pub(in crate::http) const METRICS: RouteDoc = RouteDoc::new(
    "getMetrics",
    "the metrics of the process, for Prometheus",
    &[Answer::text("text/plain", "the text format, version 0.0.4")],
);

/// The metrics. Also 200 if the store does not respond: then the gauges of the fleet are missing.
pub(in crate::http) async fn metrics(
    State(api): State<ApiState>,
) -> ([(HeaderName, &'static str); 1], String) {
    let service = &api.service;
    let metrics = service.metrics();
    let text = metrics.text(service.store(), &**service.clock(), &api.health);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], text.await)
}
