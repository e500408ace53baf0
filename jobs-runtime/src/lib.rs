//! Executes, schedules, observes and serves jobs.

pub mod store;
pub mod time;
