//! Whole processes: started, called, killed.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]
#![allow(clippy::print_stdout, reason = "what a process needs is shown")]

mod bench;
mod cli;
mod clocks;
mod crash;
mod disk;
mod footprint;
mod instructions;
mod limits;
mod neighbours;
mod operate;
mod schema;
mod stale;
mod stalls;
mod success;

/// The bundled runtime with the jobs of `tests` linked.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The same, by a wall clock that is `TEST_CLOCK_AHEAD` seconds ahead.
const SKEWED: &str = env!("CARGO_BIN_EXE_skewed");

/// The bundled runtime with nothing linked.
const EMPTY: &str = env!("CARGO_BIN_EXE_empty");
