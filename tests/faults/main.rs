//! Tests of the guarantees under faults: no acknowledged execution is lost, and no stale worker
//! ends an attempt.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]
#![allow(clippy::print_stdout, reason = "the long tier prints what it counted")]

// Simulated processes in one test process, on the virtual clock.
mod crash_points;

// Real worker processes and real servers, under load.
mod chaos;
mod contention;
mod fleet;
mod keys;
mod kills;
mod ledger;
mod limits;
mod network;
mod poison_rows;
mod rehearsal;
mod retention;
mod schedules;
mod servers;
mod soak;
mod suspended_worker;
mod upgrade;

mod docs;
