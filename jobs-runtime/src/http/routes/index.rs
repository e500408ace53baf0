//! `GET /`: the index of the routes.

use std::future::{Ready, ready};

use axum::Json;
use serde_json::{Map, Value, json};

use super::ROUTES;

/// Lists every route with its summary, as an entry point for `curl localhost:8091`.
///
/// Not an `async fn`: the table contains this function, so its type must not depend on its body.
pub(in crate::http) fn index() -> Ready<Json<Value>> {
    let routes: Map<String, Value> = ROUTES
        .iter()
        .map(|route| {
            (
                format!("{} {}", route.method, route.path),
                route.summary.into(),
            )
        })
        .collect();
    ready(Json(json!({
        "name": "jobs",
        "version": env!("CARGO_PKG_VERSION"),
        "routes": routes,
    })))
}
