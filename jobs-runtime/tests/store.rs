//! Tests of the store on SQLite: its files, and several processes on one file.
//!
//! The requirements that hold for every store are tested by `jobs_runtime::conformance`.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "store/harness.rs"]
mod harness;

#[path = "store/files.rs"]
mod files;
#[path = "store/shared_file.rs"]
mod shared_file;
