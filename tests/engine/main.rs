//! The engine on the SQLite store, in one process.
//!
//! One file per subject. Most tests use a virtual clock ([`Timed`](support::Timed)).

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod application_code;
mod archive;
mod children;
mod docs;
mod enqueue;
mod expiry;
mod lending;
mod limits;
mod logs;
mod middleware;
mod outcomes;
mod poison_rows;
mod rates;
mod retention;
mod schedules;
mod shutdown;
mod slot_caps;
mod stuck_handlers;
mod succeed_in;
mod support;
mod test_kit;
mod transactions;
mod unreadable_payloads;
mod virtual_clock;

use jobs::ExecutionId;
use jobs_runtime::store::ExecutionRecord;
use jobs_runtime::{EngineConfig, Runtime};

/// A runtime in real time, on a store in memory. For tests whose handlers block a thread, which a
/// virtual clock cannot see.
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

/// The current record of an execution.
async fn record(runtime: &Runtime, id: ExecutionId) -> ExecutionRecord {
    let found = runtime.store().execution(id).await;
    found.expect("the store answers").expect("it exists")
}
