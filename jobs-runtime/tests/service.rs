//! The service over the real SQLite store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "service/support.rs"]
mod support;

#[path = "service/enqueue.rs"]
mod enqueue;
#[path = "service/generated.rs"]
mod generated;
#[path = "service/limits.rs"]
mod limits;
#[path = "service/published.rs"]
mod published;
#[path = "service/results.rs"]
mod results;
#[path = "service/schemas.rs"]
mod schemas;
