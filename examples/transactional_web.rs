//! A web application that stores an order and enqueues its receipt in one transaction.
//!
//! ```text
//! cargo run -p examples --example transactional_web
//! curl -X POST localhost:3000/orders -H 'content-type: application/json' \
//!   -d '{"number": 7, "cents": 4200, "email": "bob@example.com"}'
//! ```
//!
//! An order of 0 cents breaks a rule of its table. Neither the order nor its receipt is stored
//! then, although the receipt was enqueued before.
//!
//! Orders and executions are in one SQLite file, `orders.db`. `ADDRESS` sets the address to listen
//! on.

#![expect(clippy::print_stdout, reason = "prints the address")]

use std::error::Error;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use jobs::{JobError, job};
use jobs_runtime::Runtime;
use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

const FILE: &str = "orders.db";

/// Sends the receipt of an order.
#[job(id = "send-receipt")]
async fn send_receipt(order: i64, email: String) -> Result<(), JobError> {
    tracing::info!(order, email, "a receipt was sent");
    Ok(())
}

#[derive(Deserialize)]
struct Order {
    number: i64,
    cents: i64,
    email: String,
}

#[derive(Clone)]
struct App {
    jobs: jobs::Client,
    pool: SqlitePool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder()
        .database(format!("sqlite:{FILE}"))
        .start()
        .await?;
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(FILE)).await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS orders (
             number INTEGER PRIMARY KEY, cents INTEGER CHECK (cents > 0)
         )",
    )
    .execute(&pool)
    .await?;
    let jobs = runtime.client();
    let app = Router::new()
        .route("/orders", post(add_order).get(count_orders))
        .with_state(App { jobs, pool });

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    runtime.shutdown().await;
    Ok(())
}

/// Responds with the id of the receipt's execution once the order and the execution are stored.
async fn add_order(State(app): State<App>, Json(order): Json<Order>) -> (StatusCode, String) {
    match store_order(&app, order).await {
        Ok(id) => (StatusCode::CREATED, id),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    }
}

/// Writes the order and the execution of its receipt, or neither of them.
async fn store_order(app: &App, order: Order) -> Result<String, Box<dyn Error + Send + Sync>> {
    // An early return drops the transaction, which rolls it back.
    let mut tx = app.pool.begin_with("BEGIN IMMEDIATE").await?;
    let receipt = SendReceipt::new(order.number, order.email);
    let execution = app.jobs.enqueue(receipt).tx(&mut tx).await?;
    sqlx::query("INSERT INTO orders (number, cents) VALUES (?, ?)")
        .bind(order.number)
        .bind(order.cents)
        .execute(&mut *tx)
        .await?;
    app.jobs.commit(tx).await?;
    Ok(execution.id().to_string())
}

/// Responds with the number of orders.
async fn count_orders(State(app): State<App>) -> Result<String, (StatusCode, String)> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM orders")
        .fetch_one(&app.pool)
        .await
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(count.to_string())
}
