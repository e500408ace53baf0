//! `GET /`: the index of the routes for programs, the dashboard for browsers.

use std::future::{Ready, ready};

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{ROUTES, Route};
use crate::http::dashboard;
use crate::http::route_doc::{Answer, RouteDoc};

pub(in crate::http) const INDEX: RouteDoc = RouteDoc::new(
    "getIndex",
    "lists the routes",
    &[Answer::json::<Map<String, Value>>(
        StatusCode::OK,
        "the routes with their parameters",
    )],
);

/// Lists every route with its summary, as an entry point for `curl localhost:8091`. Redirects a
/// browser to the dashboard.
///
/// Not an `async fn`: the table contains this function, so its type must not depend on its body.
pub(in crate::http) fn index(index: OriginalUri, headers: HeaderMap) -> Ready<Response> {
    let varies = [(header::VARY, "accept".to_owned())];
    if dashboard::wants_page(&headers) {
        let location = [(header::LOCATION, dashboard::address_from_index(&index))];
        return ready((StatusCode::FOUND, varies, location).into_response());
    }
    ready((varies, Json(listed())).into_response())
}

/// The program and its routes.
fn listed() -> Value {
    let routes: Map<String, Value> = ROUTES
        .iter()
        .map(|route| {
            (
                format!("{} {}", route.method, route.path),
                line(route).into(),
            )
        })
        .collect();
    json!({
        "name": "jobs",
        "version": env!("CARGO_PKG_VERSION"),
        "documentation": "/docs",
        "routes": routes,
    })
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
