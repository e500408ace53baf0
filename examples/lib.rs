//! Example jobs to read, run and adapt.
//!
//! Jobs of this library. Run one by `cargo run -- exec JOB`; each file shows the arguments.
//!
//! | file | job | shows |
//! |---|---|---|
//! | `workspace/provision_member.rs` | `provision-member` | an idempotent write to a database |
//! | `workspace/health_check.rs` | `health-check` | a job without a payload, on a schedule |
//! | `workspace/database.rs` | used by both | a resource that jobs share |
//! | `widgets.rs` | `widget.process.batch` | progress and cancellation of a batch |
//! | `cad.rs` | `cad.conversion.process`, `cad.parametric.generate` | external jobs in Python |
//! | `programs.rs` | `run-program` | a job that runs an external program |
//! | `product/notification.rs` | `notification.workflow.transition` | messages, once each |
//! | `product/clone.rs` | `design.clone` | batches in a database, resumed after a crash |
//! | `product/cache.rs` | `maintenance.cache.cleanup` | a schedule, and executions that expire |
//! | `product/part_changed.rs` | `workinstruction.part.changed` | children, one for each row |
//! | `product/text_to_cad.rs` | `cad.zoo.generate` | limits, and a file as the result |
//!
//! Programs. Run one by `cargo run -p examples --example NAME`.
//!
//! | file | name | shows |
//! |---|---|---|
//! | `web.rs` | `web` | an axum handler that enqueues |
//! | `transactional_web.rs` | `transactional_web` | a row and an execution in one transaction |
//! | `api_client.rs` | `api_client` | a client of an API with a rate limit |
//! | `fan_out.rs` | `fan_out` | a parent that awaits its children |
//! | `limits.rs` | `limits` | concurrency and rate limits |
//! | `deduplication.rs` | `deduplication` | unique and debounced executions |
//! | `schedules.rs` | `schedules` | schedules of attributes and of run time |
//! | `paused_queue.rs` | `paused_queue` | a queue that is paused and resumed |
//! | `error_reporter.rs` | `error_reporter` | a hook that reports failed executions |
//!
//! `cargo run` at the root of the repository starts workers and the HTTP interface with the jobs of
//! this library.

pub mod cad;
pub mod product;
pub mod programs;
pub mod widgets;
pub mod workspace;
