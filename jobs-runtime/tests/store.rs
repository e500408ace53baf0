//! What only the store on SQLite promises: about its files, and about the neighbours on one.
//!
//! What every store promises is in `jobs_runtime::conformance`.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "store/harness.rs"]
mod harness;

#[path = "store/files.rs"]
mod files;
#[path = "store/neighbours.rs"]
mod neighbours;
