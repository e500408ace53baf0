//! Whatever breaks: nothing is lost, and nobody ends what is not theirs.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod book;
mod crash_points;
mod oracle;
mod upgrade;
