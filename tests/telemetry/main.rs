//! Tests of telemetry with real receivers: a Prometheus, and a collector that takes OTLP.
//!
//! `./test` installs Prometheus.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod collector;
mod documents;
mod external;
mod json_logs;
mod metrics;
mod prometheus;
mod sampling;
mod secrets;
mod tls;
mod traces;

/// The bundled runtime with the jobs of the crate `tests`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
