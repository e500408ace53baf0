//! Reads: executions, lists, logs and the catalogue.
//!
//! This module imports the connections and `limits`. It must not import `enqueue`, `claim` or
//! `operator`. Log lines are appended in `logs`, beside the code that reads them, with the fences
//! of `settle`.

pub(in crate::store::postgres) mod catalogue;
pub(in crate::store::postgres) mod execution;
pub(in crate::store::postgres) mod list;
pub(in crate::store::postgres) mod logs;
