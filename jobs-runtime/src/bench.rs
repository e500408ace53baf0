//! Measures this program on this machine with a store: what the command `bench` prints.
//!
//! Every trial has a [`Place`](place::Place) of its own, a fresh file or schema beside the store
//! that was named, and leaves nothing behind. It executes jobs of its own ([`work`]) that are in no
//! catalogue but that of the trial. Everything is as in production: the service checks payloads, the
//! engine fences attempts, history is retained.
//!
//! ```text
//! Plan ─▶ scenarios ─▶ trials: a warm-up, then `runs` of them ─▶ Report
//!                        │  Meter: time, CPU, statements, commits, WAL, dead tuples
//!                        └─ beside each, a baseline of the same work, where there is one
//! ```
//!
//! A single figure says little on a machine that does other things: of every figure the median and
//! the spread are told, and what is held against something is held against it in turns, as a ratio.

mod error;
mod gauge;
mod histogram;
mod history;
mod load;
mod meter;
mod place;
mod plan;
mod report;
mod scenarios;
mod spread;
mod statements;
mod work;

pub(crate) use error::BenchError;
pub(crate) use histogram::Percentiles;
pub(crate) use plan::{LimitKind, Plan, Scenario};
pub(crate) use report::Report;
pub(crate) use scenarios::run;
pub(crate) use spread::Spread;
pub(crate) use statements::counting;
