//! Acts that complete although their caller has gone.
//!
//! hyper drops a handler when its caller closes the connection, and so does the deadline of a
//! request. The store would commit the act, and the entry in the audit log that follows it would be
//! missing.

use std::panic::resume_unwind;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::http::response::problem::{Code, Problem};
use crate::service::Actor;

/// Runs the rest of a request in a task of its own, with its actor and its span.
pub(in crate::http) async fn complete(request: Request, next: Next) -> Response {
    let act = next.run(request).in_current_span();
    let task = match Actor::current() {
        Some(actor) => tokio::spawn(actor.scope(act)),
        None => tokio::spawn(act),
    };
    let error = match task.await {
        Ok(response) => return response,
        Err(error) => error,
    };
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => {
            Problem::failure(Code::Internal, "the program is stopping", &error).into_response()
        }
    }
}
