//! The engine on the embedded store, in one process.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod docs;
mod enqueue;
mod layers;
mod lending;
mod limits;
mod logs;
mod outcomes;
mod rates;
mod refusals;
mod returned;
mod shares;
mod stopping;
mod stuck;
mod success;
mod support;
mod time;
mod transactions;

use jobs::ExecutionId;
use jobs_runtime::store::ExecutionRecord;
use jobs_runtime::{EngineConfig, Runtime};

/// A runtime in real time, for what a test's clock cannot carry; on a store of its own that ends
/// with it. Everything else is [`Timed`](support::Timed).
async fn runtime() -> Runtime {
    runtime_with(EngineConfig::default()).await
}

async fn runtime_with(config: EngineConfig) -> Runtime {
    Runtime::builder()
        .database("sqlite::memory:")
        .engine(config)
        .start()
        .await
        .expect("the runtime starts")
}

/// The execution as its store has it now.
async fn record(runtime: &Runtime, id: ExecutionId) -> ExecutionRecord {
    let found = runtime.store().execution(id).await;
    found.expect("the store answers").expect("it exists")
}
