//! A web application that enqueues a job and responds before the job has run.
//!
//! ```text
//! cargo run -p examples --example web
//! curl -X POST localhost:3000/workspaces/ws-1/members -H 'content-type: application/json' \
//!   -d '"user:bob"'
//! ```
//!
//! The first command starts the application, the second sends a request. `JOBS_DATABASE` sets the
//! store, `ADDRESS` the address to listen on.
//!
//! The application and the workers share one process here. If the workers run in other processes,
//! replace the runtime by `jobs_runtime::connect(url).await?`.

#![expect(clippy::print_stdout, reason = "prints the address")]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use examples::workspace::ProvisionMember;
use jobs_runtime::Runtime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::var("JOBS_DATABASE")
        .unwrap_or_else(|_| jobs_runtime::DEFAULT_DATABASE.to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    let app = Router::new()
        .route("/workspaces/{workspace_id}/members", post(add_member))
        .with_state(runtime.client());

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        _ = tokio::signal::ctrl_c() => runtime.shutdown().await,
    }
    Ok(())
}

/// Enqueues a `provision-member` job, and responds with the execution's id once it is stored.
async fn add_member(
    State(jobs): State<jobs::Client>,
    Path(workspace_id): Path<String>,
    Json(subject): Json<String>,
) -> Result<(StatusCode, String), (StatusCode, String)> {
    let execution = jobs
        .enqueue(ProvisionMember::new(workspace_id, subject))
        .await
        .map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    Ok((StatusCode::ACCEPTED, execution.id().to_string()))
}
