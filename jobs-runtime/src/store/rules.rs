//! Decisions that both stores share: deduplication, permits, migrations, poison rows, and the text
//! of a row.
//!
//! A store looks rows up, asks a rule, and writes what the rule has decided. The rules contain no
//! SQL and no input or output. They import `contract` and the errors of `decode`. They must never
//! import `sqlite` or `postgres`.

pub(in crate::store) mod bulk;
pub(in crate::store) mod dedup;
pub(in crate::store) mod error_fingerprint;
pub(in crate::store) mod execution_rows;
pub(in crate::store) mod expiry;
pub(in crate::store) mod migrations;
pub(in crate::store) mod permits;
pub(in crate::store) mod poison_rows;
pub(in crate::store) mod retry_text;
pub(in crate::store) mod schedule_rows;
pub(in crate::store) mod schedules;
