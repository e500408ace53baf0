//! `GET /`: the index of the routes.

use std::future::{Ready, ready};

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{ROUTES, Route};
use crate::http::route_doc::{Answer, RouteDoc};

pub(in crate::http) const INDEX: RouteDoc = RouteDoc::new(
    "getIndex",
    "lists the routes",
    &[Answer::json::<Map<String, Value>>(
        StatusCode::OK,
        "the routes with their parameters",
    )],
);

/// Lists every route with its summary, as an entry point for `curl localhost:8091`.
///
/// Not an `async fn`: the table contains this function, so its type must not depend on its body.
pub(in crate::http) fn index() -> Ready<Json<Value>> {
    let routes: Map<String, Value> = ROUTES
        .iter()
        .map(|route| {
            (
                format!("{} {}", route.method, route.path),
                line(route).into(),
            )
        })
        .collect();
    ready(Json(json!({
        "name": "jobs",
        "version": env!("CARGO_PKG_VERSION"),
        "documentation": "/docs",
        "routes": routes,
    })))
}

/// The summary of a route, its query parameters and the fields of its body.
fn line(route: &Route) -> String {
    let mut line = route.doc.summary.to_owned();
    let names: Vec<_> = route.doc.query.iter().map(|input| input.name).collect();
    if !names.is_empty() {
        line.push_str("; ?");
        line.push_str(&names.join("&"));
    }
    let fields = route.doc.body.unwrap_or_default();
    if !fields.is_empty() {
        let fields: Vec<_> = fields
            .iter()
            .map(|field| {
                let mark = if field.is_required { "" } else { "?" };
                format!("{}{mark}", field.name)
            })
            .collect();
        line.push_str(&format!("; {{{}}}", fields.join(", ")));
    }
    line
}
