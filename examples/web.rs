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

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use examples::workspace::ProvisionMember;
use jobs_runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::var("JOBS_DATABASE")
        .unwrap_or_else(|_| jobs_runtime::DEFAULT_DATABASE.to_owned());
    // The first layer writes the log to standard error. The second one stores what handlers log,
    // whatever the first one shows.
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(io::stderr)
                .with_filter(LevelFilter::INFO),
        )
        .with(jobs_runtime::layer())
        .init();
    let runtime = Runtime::builder().database(database).start().await?;
    let runtime = Arc::new(runtime);
    let app = Router::new()
        .route("/workspaces/{workspace_id}/members", post(add_member))
        .with_state(runtime.client())
        // The operators' interface: a caller needs a token of the store.
        .nest("/ops", runtime.router());

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stopping = Arc::clone(&runtime);
    let stopped = async move {
        stop_signal().await;
        // Ends the event streams of `/ops`, for which the server would wait.
        stopping.begin_shutdown();
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stopped)
        .await?;
    // Running attempts end, or go to another worker.
    runtime.shutdown().await;
    Ok(())
}

/// Completes at SIGINT or SIGTERM.
async fn stop_signal() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
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
