//! `GET /livez`, `GET /readyz`, `GET /health`: probes for supervisors and load balancers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::health::HealthReport;
use crate::http::ApiState;
use crate::http::route_doc::{Access, Answer, RouteDoc};

pub(in crate::http) const LIVEZ: RouteDoc = RouteDoc::new(
    "getLiveness",
    "whether the process responds",
    &[Answer::json::<Map<String, Value>>(
        StatusCode::OK,
        "it responds",
    )],
)
.access(Access::Open);

pub(in crate::http) const READYZ: RouteDoc = RouteDoc::new(
    "getReadiness",
    "whether the process can serve requests",
    HEALTH_ANSWERS,
);

pub(in crate::http) const HEALTH: RouteDoc = RouteDoc::new(
    "getHealth",
    "the state of every part of the process",
    HEALTH_ANSWERS,
);

const HEALTH_ANSWERS: &[Answer] = &[
    Answer::json::<HealthReport>(StatusCode::OK, "no check fails"),
    Answer::json::<HealthReport>(StatusCode::SERVICE_UNAVAILABLE, "a check fails"),
];

/// 200 while the process responds.
pub(in crate::http) async fn livez() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// 200 when the start is complete and the store responds, else 503.
pub(in crate::http) async fn readyz(
    State(api): State<ApiState>,
) -> (StatusCode, Json<HealthReport>) {
    response(api.health.readiness().await)
}

/// 200 when every part of the process works, else 503.
pub(in crate::http) async fn health(
    State(api): State<ApiState>,
) -> (StatusCode, Json<HealthReport>) {
    response(api.health.report().await)
}

fn response(report: HealthReport) -> (StatusCode, Json<HealthReport>) {
    let status = if report.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}
