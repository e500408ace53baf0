//! What the statements of the stores cost once there is a million of everything: by the databases'
//! own plans, and by the time that each call takes beside a tenth of that.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod alike;
mod exercise;
mod growth;
mod postgres;
mod sqlite;
