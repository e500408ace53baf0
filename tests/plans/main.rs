//! The cost of the stores' statements among a million executions: the databases' own plans, and the
//! time of each call compared with the time among 80,000 executions.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod answers;
mod inbox;
mod pinned_rows;
mod postgres;
mod scaling;
mod sqlite;
mod store_calls;
mod uniform_rows;
