//! Shared support of the suites: jobs that misbehave, worker processes, database servers, an HTTP
//! client, transcripts of a shell, and injected faults.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

pub mod book;
pub mod database;
pub mod fault_injecting_store;
pub mod forms;
pub mod http;
pub mod jobs;
pub mod limited;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod rabbitmq;
pub mod running;
pub mod transcript;
