//! Reads: executions, lists, logs and the catalogue.
//!
//! May import `conn` and `limits`; imports neither `enqueue`, `claim` nor `operator`. Log lines are
//! appended in `logs`, beside the code that reads them, with the fences of `settle`.

pub(in crate::store::postgres) mod catalogue;
pub(in crate::store::postgres) mod execution;
pub(in crate::store::postgres) mod list;
pub(in crate::store::postgres) mod logs;
