//! The schema gate: finds changes of jobs that break their callers or their waiting executions.
//!
//! ```text
//!  jobs.lock.json ──▶ lock ─┐
//!                           ├─▶ jobs: by id ──▶ compare: schema by schema ──▶ change: wording
//!  linked catalogue ────────┘
//! ```
//!
//! A payload is written by callers that know the old schema and read by the new handler. A result
//! is written by the new handler and read by clients that know the old schema. `compare` therefore
//! knows a writer and a reader, and the [`Direction`] says which of them is old.
//!
//! | module | contents |
//! |---|---|
//! | `lock` | the document `jobs.lock.json` |
//! | `jobs` | compares a lock with another, job by job |
//! | `compare` | compares the schema of a writer with that of a reader |
//! | `shape` | a schema as a list of alternatives of one type each |
//! | `bounds` | the keywords that bound numbers, texts and lists |
//! | `change` | a difference, and its wording in each direction |
//!
//! The folder imports `jobs`, `serde_json` and [`fingerprint`](crate::fingerprint). It must not
//! import a store or the service.

mod bounds;
mod change;
mod compare;
mod jobs;
mod lock;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use change::Severity;
pub(crate) use jobs::{Finding, compare_locks};
pub(crate) use lock::{Lock, LockError};

use change::Direction;
