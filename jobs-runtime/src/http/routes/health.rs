//! `GET /livez`, `/readyz`, `/health`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::Interface;
use crate::health::HealthReport;

/// The process answers.
pub(in crate::http) async fn livez() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// Requests can be served.
pub(in crate::http) async fn readyz(State(interface): State<Interface>) -> (StatusCode, Json<HealthReport>) {
    answer(interface.health.readiness().await)
}

/// Every part works.
pub(in crate::http) async fn health(State(interface): State<Interface>) -> (StatusCode, Json<HealthReport>) {
    answer(interface.health.report().await)
}

fn answer(report: HealthReport) -> (StatusCode, Json<HealthReport>) {
    let status = match report.is_ok() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}
