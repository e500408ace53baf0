//! Whole processes: started, called, killed.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod cli;
mod crash;
mod footprint;
mod neighbours;
mod operate;
mod schema;
mod stale;
mod stalls;
mod success;

/// The bundled runtime with the jobs of `tests` linked.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The bundled runtime with nothing linked.
const EMPTY: &str = env!("CARGO_BIN_EXE_empty");
