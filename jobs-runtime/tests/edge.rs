//! The edge over the real SQLite store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "edge/support.rs"]
mod support;

#[path = "edge/enqueue.rs"]
mod enqueue;
#[path = "edge/generated.rs"]
mod generated;
#[path = "edge/limits.rs"]
mod limits;
#[path = "edge/published.rs"]
mod published;
#[path = "edge/results.rs"]
mod results;
#[path = "edge/schemas.rs"]
mod schemas;
