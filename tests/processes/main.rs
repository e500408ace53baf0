//! Tests of whole processes: the bundled program is started, called and killed.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]
#![allow(clippy::print_stdout, reason = "tests print the measured costs")]

mod access;
mod archive;
mod attempt_log;
mod bench;
mod build_settings;
mod bulk;
mod cli;
mod clocks;
mod command_line;
mod crash;
mod disk;
mod empty_directory;
mod first_job;
mod footprint;
mod import;
mod instructions;
mod large_answers;
mod limits;
mod openapi;
mod operator_commands;
mod readme;
mod release;
mod remote;
mod retention;
mod schema;
mod schema_gate;
mod secret;
mod settings;
mod shared_file;
mod stalls;
mod starts;
mod streams;
mod success;
mod suspended_worker;
mod terminal;
mod tls;

/// The bundled runtime with the jobs of the crate `tests`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The same program with a wall clock that is `TEST_CLOCK_AHEAD` seconds ahead.
const SKEWED: &str = env!("CARGO_BIN_EXE_skewed");

/// The bundled runtime without jobs.
const EMPTY: &str = env!("CARGO_BIN_EXE_empty");
