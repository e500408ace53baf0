//! Tests of the HTTP interface, with a SQLite store.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]

#[path = "http/support.rs"]
mod support;

#[path = "http/attacks.rs"]
mod attacks;
#[path = "http/audit.rs"]
mod audit;
#[path = "http/auth.rs"]
mod auth;
#[path = "http/batch.rs"]
mod batch;
#[path = "http/cancel_and_retry.rs"]
mod cancel_and_retry;
#[path = "http/dashboard.rs"]
mod dashboard;
#[path = "http/delete.rs"]
mod delete;
#[path = "http/dry_run.rs"]
mod dry_run;
#[path = "http/edit.rs"]
mod edit;
#[path = "http/events.rs"]
mod events;
#[path = "http/executions.rs"]
mod executions;
#[path = "http/explain.rs"]
mod explain;
#[path = "http/failures.rs"]
mod failures;
#[path = "http/guard.rs"]
mod guard;
#[path = "http/health.rs"]
mod health;
#[path = "http/idempotency.rs"]
mod idempotency;
#[path = "http/jobs.rs"]
mod jobs;
#[path = "http/lease_ends.rs"]
mod lease_ends;
#[path = "http/leases.rs"]
mod leases;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/live_events.rs"]
mod live_events;
#[path = "http/logs.rs"]
mod logs;
#[path = "http/operations.rs"]
mod operations;
#[path = "http/overview.rs"]
mod overview;
#[path = "http/problems.rs"]
mod problems;
#[path = "http/processes.rs"]
mod processes;
#[path = "http/queues.rs"]
mod queues;
#[path = "http/schedules.rs"]
mod schedules;
#[path = "http/sensitive.rs"]
mod sensitive;
#[path = "http/series.rs"]
mod series;
#[path = "http/server.rs"]
mod server;
#[path = "http/tokens.rs"]
mod tokens;
#[path = "http/trigger.rs"]
mod trigger;
