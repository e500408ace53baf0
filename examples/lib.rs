//! Example jobs to read, run and adapt.
//!
//! | file | shows | run it by |
//! |---|---|---|
//! | `workspace/provision_member.rs` | an idempotent write to the application's database | `cargo run -- exec provision-member --workspace-id ws-1 --subject user:alice` |
//! | `workspace/health_check.rs` | a job without a payload | `cargo run -- exec health-check` |
//! | `workspace/database.rs` | a resource that jobs share | either of the two |
//! | `widgets.rs` | a batch with progress and cancellation | `cargo run -- exec widget.process.batch --widget-ids w-1 --user-id alice` |
//! | `web.rs` | an axum handler that enqueues | `cargo run -p examples --example web` |
//! | `limits.rs` | concurrency and rate limits | `cargo run -p examples --example limits` |
//! | `deduplication.rs` | unique and debounced executions | `cargo run -p examples --example deduplication` |
//! | `paused_queue.rs` | a queue that is paused and resumed | `cargo run -p examples --example paused_queue` |
//! | `error_reporter.rs` | a hook that reports failed executions | `cargo run -p examples --example error_reporter` |
//!
//! `cargo run` at the root of the repository starts the runtime with the jobs of this library:
//! workers and HTTP interface.

pub mod widgets;
pub mod workspace;
