//! The OpenAPI 3.1 document of the interface, and a page that shows it.
//!
//! `GET /openapi.json` derives from the route table and from the known jobs: every route with its
//! inputs, answers and problems, and for each job a typed trigger with the schemas of its payload
//! and result. `GET /docs` shows the same document as a page without scripts, so it works offline.
//!
//! | module | contents |
//! |---|---|
//! | `document` | the document: info, paths, one operation for each route |
//! | `components` | the shared schemas, and those of jobs with their references rewritten |
//! | `page` | the document as HTML |
//!
//! The folder may import the route table, the parts of `http` that routes declare their inputs
//! with, and the known jobs of the service. It must not call a handler, a store or the engine.

mod components;
mod document;
mod page;

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::ApiState;
use super::mount;
use super::request::query::QueryParameters;
use super::response::problem::Problem;
use super::route_doc::{Answer, RouteDoc};
use crate::JobService;
use crate::KnownJob;

pub(super) const DOCUMENT: RouteDoc = RouteDoc::new(
    "getOpenApi",
    "this document",
    &[Answer::json::<Map<String, Value>>(
        StatusCode::OK,
        "an OpenAPI 3.1 document",
    )],
);

pub(super) const PAGE: RouteDoc = RouteDoc::new(
    "getDocs",
    "this document as a page",
    &[Answer::text("text/html", "the page")],
);

/// Handles `GET /openapi.json`.
pub(super) async fn document(
    State(api): State<ApiState>,
    extensions: Extensions,
    parameters: QueryParameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish(&[])?;
    let mut document = openapi(&api.service).await?;
    if let Some(prefix) = mount::prefix(&extensions) {
        document["servers"][0]["url"] = prefix.into();
    }
    Ok(Json(document))
}

/// Handles `GET /docs`.
pub(super) async fn page(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Response, Problem> {
    parameters.finish(&[])?;
    let html = page::html(&openapi(&api.service).await?);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page::SECURITY_POLICY),
    ];
    Ok((headers, html).into_response())
}

/// Builds the document for the jobs that the service knows now.
///
/// # Errors
/// The store's.
pub(crate) async fn openapi(service: &JobService) -> Result<Value, crate::store::StoreError> {
    let jobs = service.jobs().await?;
    let descriptors: Vec<_> = jobs.iter().map(|job| KnownJob::descriptor(job)).collect();
    Ok(document::build(&descriptors))
}
