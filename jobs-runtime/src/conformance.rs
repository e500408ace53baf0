//! What every store promises, put to the test: also a store of your own.
//!
//! The contract of [`Store`](crate::store::Store) is a list of [requirements]: a sentence each,
//! and code that shows whether it holds. [`check`] runs them on each [`Backend`] and returns a
//! table. Whoever writes a store learns the contract by reading this module's files, one part of
//! the contract each, top to bottom as listed here.
//!
//! A backend is where fresh databases come from. This is all that one needs to say:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use jobs_runtime::conformance::{Column, Database, Backend, BackendError, check};
//! use jobs_runtime::store::{self, Store};
//!
//! /// Databases in memory.
//! struct Memory;
//!
//! /// One of them: a handle is all there is.
//! struct InMemory(Arc<dyn Store>);
//!
//! #[async_trait]
//! impl Backend for Memory {
//!     fn name(&self) -> &str {
//!         "my store"
//!     }
//!
//!     async fn fresh(&self) -> Result<Box<dyn Database>, BackendError> {
//!         Ok(Box::new(InMemory(store::open(&"sqlite::memory:".parse()?).await?)))
//!     }
//! }
//!
//! impl Database for InMemory {
//!     fn store(&self) -> Arc<dyn Store> {
//!         Arc::clone(&self.0)
//!     }
//! }
//!
//! let report = check(&[Column::of(Memory)], &["claims".to_owned()]);
//! println!("{report}");
//! assert_eq!(report.failures(), 0);
//! ```
//!
//! A store with a server also says how [another](Database::another) process opens the same
//! database, and how an application [begins](Database::begin) a transaction there; what is not
//! offered shows as not applicable.
//!
//! Most requirements are examples, told one after the other. Beside them, random stories of several
//! workers, operators and applications are told to the store and to a small model in memory, and
//! every answer is compared. One that goes wrong is shrunk, told in the report, and kept where
//! [`Backend::regressions`] says. `JOBS_TEST_TIER=full` tells thousands.

#![expect(clippy::unwrap_used, reason = "a point that meets an error has failed")]

mod report;

mod migrations;

mod enqueues;
mod texts;

mod claims;

mod fencing;
mod retries;
mod settlements;

mod rescue;
mod sessions;

mod operators;

mod limits;
mod permits;
mod rates;

mod queues;
mod uniqueness;

mod transactions;

mod catalogue;
mod logs;

mod events;

mod backend;
mod cancellations;
mod capabilities;
mod contention;
mod damaged_rows;
mod document;
mod fixtures;
mod idempotency;
mod limit_fixtures;
mod lists;
mod model_test;
mod planned;
mod poison_rows;
mod requirement;
mod transfers;
mod waiter_order;

pub use backend::{Backend, BackendError, Damage, Database, Transaction, Write};
pub use document::document;
pub use report::{Column, Report, Row, check};
pub use requirement::{Requirement, Verdict};

/// Every point of the contract, in reading order.
pub fn requirements() -> Vec<Requirement> {
    [
        migrations::REQUIREMENTS,
        enqueues::REQUIREMENTS,
        idempotency::REQUIREMENTS,
        texts::REQUIREMENTS,
        claims::REQUIREMENTS,
        contention::REQUIREMENTS,
        settlements::REQUIREMENTS,
        retries::REQUIREMENTS,
        fencing::REQUIREMENTS,
        sessions::REQUIREMENTS,
        rescue::REQUIREMENTS,
        cancellations::REQUIREMENTS,
        operators::REQUIREMENTS,
        limits::REQUIREMENTS,
        permits::REQUIREMENTS,
        waiter_order::REQUIREMENTS,
        rates::REQUIREMENTS,
        uniqueness::REQUIREMENTS,
        queues::REQUIREMENTS,
        transactions::REQUIREMENTS,
        damaged_rows::REQUIREMENTS,
        poison_rows::REQUIREMENTS,
        logs::REQUIREMENTS,
        lists::REQUIREMENTS,
        catalogue::REQUIREMENTS,
        events::REQUIREMENTS,
        transfers::REQUIREMENTS,
        planned::REQUIREMENTS,
        model_test::REQUIREMENTS,
    ]
    .concat()
}
