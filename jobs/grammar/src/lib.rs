//! The texts that `jobs` accepts: ids, durations, rates, cron expressions, options of schedules and
//! time zones.
//!
//! An attribute is parsed at compile time, a setting or a request at run time. Both must accept the
//! same texts and mean the same by them, so the parsers live here, once. Every error says what to
//! write instead. The crate has no dependencies.
//!
//! ```
//! assert_eq!(jobs_grammar::duration::parse("1h30m")?.as_secs(), 5_400);
//! assert_eq!(jobs_grammar::rate::parse("60/min")?, (60, std::time::Duration::from_secs(60)));
//! assert!(jobs_grammar::id::check("provisionMember").unwrap_err().contains("provision-member"));
//! # Ok::<(), String>(())
//! ```
//!
//! This crate is an implementation detail of `jobs`, `jobs-macros` and `jobs-runtime`; its version
//! is theirs.

pub mod cron;
pub mod duration;
pub mod id;
pub mod rate;
pub mod schedule;
pub mod suggestion;
pub mod zone;
