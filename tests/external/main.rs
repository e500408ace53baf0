//! Workers in other languages: the Python package against the bundled server, on both stores.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod ends;
mod generated_clients;
mod hooks;
mod kit;
mod package;
mod python_worker;
mod restarts;
mod work;

/// The bundled runtime with the jobs of the crate `tests`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
