//! What the suites share: jobs that misbehave, a worker process, an HTTP client.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

pub mod database;
pub mod http;
pub mod jobs;
pub mod limited;
pub mod mortal;
pub mod postgres;
pub mod process;
pub mod proxy;
