//! Reads for clients and operators: executions, lists, logs, the catalogue.
//!
//! The functions run on a reader's connection, except for the few that write logs and the
//! catalogue. This module imports the connections and, for log lines, the fences of `settle`; the
//! catalogue also imports `limits`. It must not import `enqueue`, `claim` or `operator`.

pub(in crate::store::sqlite) mod catalogue;
pub(in crate::store::sqlite) mod execution;
pub(in crate::store::sqlite) mod list;
pub(in crate::store::sqlite) mod logs;
