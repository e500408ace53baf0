//! Tests of the service, with a SQLite store.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]

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
