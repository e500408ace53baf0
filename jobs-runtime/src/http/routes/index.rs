//! `GET /`: what there is.

use axum::Json;
use serde_json::{Value, json};

use crate::http::PREFIX;

/// Names the routes, for those who begin with `curl localhost:8091`.
pub(in crate::http) async fn index() -> Json<Value> {
    let route = |path: &str| format!("{PREFIX}{path}");
    Json(json!({
        "name": "jobs",
        "version": env!("CARGO_PKG_VERSION"),
        "routes": {
            "GET /livez": "whether the process answers",
            "GET /readyz": "whether requests can be served",
            "GET /health": "how every part is",
            format!("GET {}", route("/jobs")): "the jobs; ?limit&offset&queue&tag&q",
            format!("GET {}", route("/jobs/{id}")): "one job with its schemas",
            format!("POST {}", route("/jobs/{id}/trigger")): "enqueues an execution: {payload, priority?, delayMs?, runAt?, idempotencyKey?, correlationId?, itemId?, createdBy?, tags?}",
            format!("POST {}", route("/jobs/{id}/trigger-batch")): "enqueues all or none: {executions: [{payload, …}]}",
            format!("GET {}", route("/executions")): "the newest first; ?limit&jobId&status&queue&itemId&correlationId&createdBy&tag&since&until&cursor",
            format!("GET {}", route("/executions/{id}")): "one execution with its attempts",
            format!("PATCH {}", route("/executions/{id}")): "changes one that waits: {priority?, delayMs?, runAt?, payload?}",
            format!("DELETE {}", route("/executions/{id}")): "deletes a final one with its attempts and its log",
            format!("GET {}", route("/executions/{id}/logs")): "what its handler logged; ?attempt&level&after&limit",
            format!("GET {}", route("/executions/{id}/explain")): "why it is where it is",
            format!("POST {}", route("/executions/{id}/cancel")): "cancels it, or asks its worker to",
            format!("POST {}", route("/executions/{id}/retry")): "runs a failed or cancelled one again: {payload?}",
            format!("GET {}", route("/events")): "what changes, as server-sent events; ?jobId&executionId",
            format!("GET {}", route("/queues")): "the queues, what is in them, and which are paused",
            format!("POST {}", route("/queues/{queue}/pause")): "lets nothing be claimed from it any more",
            format!("POST {}", route("/queues/{queue}/resume")): "lets it be claimed from again",
            format!("GET {}", route("/processes")): "the workers that have a session, and what they execute",
        },
    }))
}
