//! Tests of telemetry with real receivers: a Prometheus scrapes running programs.
//!
//! `./test` installs Prometheus.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod documents;
mod metrics;
mod prometheus;

/// The bundled runtime with the jobs of the crate `tests`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
