//! Whatever breaks: nothing is lost, and nobody ends what is not theirs.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]
#![allow(clippy::print_stdout, reason = "what the long tier counts is shown")]

// Processes that die between any two calls, under the virtual clock.
mod book;
mod crash_points;
mod oracle;

// Real processes and real servers, under load.
mod audit;
mod effects;
mod fleet;
mod keys;
mod kills;
mod ledger;
mod limits;
mod load;
mod refusals;
mod rivals;
mod servers;
mod soak;
mod stopped;
mod wires;

mod docs;
mod upgrade;
