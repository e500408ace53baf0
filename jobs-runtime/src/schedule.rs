//! Evaluation of schedules: their times in a time zone, and what happens to times that are due.
//!
//! | module | contents |
//! |---|---|
//! | [`timetable`] | the times of a cron expression in a time zone |
//! | [`plan`] | which of the due times run, by `catch_up`, `overlap` and `jitter` |
//!
//! The modules compute; they read no clock and call no store. `engine/maintenance/scheduler.rs`
//! fires what they plan, and the service shows the next times.
//!
//! They may import the types of the store contract and `time`. They must not import the engine, the
//! service or a clock.

pub(crate) mod plan;
pub(crate) mod timetable;

pub use timetable::{Timetable, TimetableError};
