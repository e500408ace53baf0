//! Benchmarks of this program with a store, as the command `bench` runs them.
//!
//! Each trial has a [scratch store](scratch_store): a fresh file or schema beside the named store,
//! removed after the trial. It executes [no-op jobs](noop_jobs) that only the trial's catalogue
//! contains. The rest is as in production: the service validates payloads, the engine fences
//! attempts, and the store keeps the history.
//!
//! ```text
//! BenchConfig ─▶ scenarios ─▶ trials: a warm-up, then `runs` of them ─▶ BenchReport
//!                               │  meter: time, CPU, statements, commits, WAL, dead tuples
//!                               └─ beside each, a baseline of the same work, if there is one
//! ```
//!
//! A measurement varies with the load of the machine. So the report gives the median and the range
//! of each figure. Trials and baselines alternate, and the report gives their ratio.
//!
//! This module may import the runtime, the service, the store's contract and `clock`. It must not
//! import the engine or a particular store. Only `cli` may import it.

mod config;
mod error;
mod histogram;
mod load;
mod meter;
mod monitor;
mod noop_jobs;
mod report;
mod scenarios;
mod scratch_store;
mod seeded_history;
mod statements;
mod summary;

pub(crate) use config::{BenchConfig, LimitKind, Scenario};
pub(crate) use error::BenchError;
pub(crate) use histogram::Percentiles;
pub(crate) use report::BenchReport;
pub(crate) use scenarios::run;
pub(crate) use statements::statement_counter;
pub(crate) use summary::Summary;
