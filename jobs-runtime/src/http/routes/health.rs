//! `GET /livez`, `GET /readyz`, `GET /health`: probes for supervisors and load balancers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::health::HealthReport;
use crate::http::ApiState;

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
