//! Retention: deletes what a store has kept for long enough.
//!
//! [`RetentionSettings`] says how long final executions are kept, by job and status. A
//! [`Pruner`] makes passes through the store: it finds what has expired and deletes it in small
//! batches. Workers make passes by themselves (`engine/maintenance/retention.rs`); the command
//! `prune` makes one at once.
//!
//! | module | contents |
//! |---|---|
//! | `settings` | the times of settings and jobs, and the rules that follow from them |
//! | `pass` | one pass: executions by job, then rows that nothing needs any more |
//! | `archiver` | writes what has expired to the archive, before it is deleted |
//! | `error` | the error of a pass |
//! | `turn` | the fleet's turn: one process prunes at a time |
//!
//! The folder may import the store contract, the clock, `archive` and `health`. It must not import
//! the engine, the service or a particular store.

mod archiver;
mod error;
mod pass;
mod settings;
mod turn;

pub(crate) use archiver::Archiver;
pub use error::PruneError;
pub(crate) use pass::Pruner;
pub use pass::{PruneReport, PrunedJob};
pub use settings::{Retention, RetentionSettings};
#[cfg(all(feature = "archive", feature = "cli"))]
pub(crate) use turn::TASK;
pub(crate) use turn::TURN;
