//! The conformance suite: checks that a store meets every requirement of the contract.
//!
//! Run it against a store of your own by implementing [`Backend`], which creates empty databases.
//! This is a complete example:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use jobs_runtime::conformance::{Backend, BackendError, Column, Database, check};
//! use jobs_runtime::store::{self, Store};
//!
//! /// Creates databases in memory.
//! struct Memory;
//!
//! /// A database in memory: its store handle is the only access to it.
//! struct InMemory(Arc<dyn Store>);
//!
//! #[async_trait]
//! impl Backend for Memory {
//!     fn name(&self) -> &str {
//!         "my store"
//!     }
//!
//!     async fn create_database(&self) -> Result<Box<dyn Database>, BackendError> {
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
//! [`check`] runs each [requirement](requirements) on each backend, on a new database, and returns
//! a table. A requirement is one sentence of the contract of [`Store`](crate::store::Store) with
//! the code that checks it. The files of this module hold one part of the contract each, in the
//! order of [`requirements`]: read them to learn the contract.
//!
//! A backend with a server also opens the same database as [another process](Database::open_again)
//! does, and [begins a transaction](Database::begin) as an application does. A requirement that
//! needs a capability which the backend lacks is reported as not applicable.
//!
//! Most requirements are checked by examples. Beside them, a model test runs random sequences of
//! calls by several workers, operators and applications. It makes each call on the store and on a
//! model in memory, and compares the answers. It shrinks a failing sequence, prints it, and writes
//! it to [`Backend::regressions`]. It runs 120 sequences; with `JOBS_TEST_TIER=full` it runs 4,000.
//!
//! This module imports the store contract and `time`. It must not import the engine, the service or
//! a particular store: a requirement sees a store through its contract only.

#![expect(
    clippy::unwrap_used,
    reason = "a requirement whose check meets an error has failed"
)]

mod backend;
mod report;
mod requirement;

mod migrations;

mod enqueues;
mod idempotency;
mod texts;

mod claims;
mod contention;

mod fencing;
mod retries;
mod settlements;

mod external;
mod rescue;
mod sessions;

mod bulk;
mod cancellations;
mod erasures;
mod expiry;
mod leftovers;
mod operators;
mod retention;

mod limits;
mod permits;
mod rates;
mod waiter_order;

mod broker;
mod queues;
mod schedules;
mod telemetry;
mod uniqueness;

mod damaged_rows;
mod new_words;
mod poison_rows;
mod transactions;

mod audit;
mod catalogue;
mod lists;
mod logs;
mod statistics;
mod tokens;

mod events;
mod model_test;
mod transfers;

mod capabilities;
mod document;
mod fixtures;
mod limit_fixtures;

pub use backend::{Backend, BackendError, Damage, Database, Transaction, Write};
pub use document::document;
pub use report::{Column, Report, Row, check};
pub use requirement::{Requirement, Verdict};

/// Returns every requirement of the contract, in reading order.
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
        external::REQUIREMENTS,
        cancellations::REQUIREMENTS,
        expiry::REQUIREMENTS,
        operators::REQUIREMENTS,
        bulk::REQUIREMENTS,
        retention::REQUIREMENTS,
        leftovers::REQUIREMENTS,
        erasures::REQUIREMENTS,
        limits::REQUIREMENTS,
        permits::REQUIREMENTS,
        waiter_order::REQUIREMENTS,
        rates::REQUIREMENTS,
        uniqueness::REQUIREMENTS,
        queues::REQUIREMENTS,
        schedules::REQUIREMENTS,
        telemetry::REQUIREMENTS,
        broker::REQUIREMENTS,
        transactions::REQUIREMENTS,
        damaged_rows::REQUIREMENTS,
        new_words::REQUIREMENTS,
        poison_rows::REQUIREMENTS,
        logs::REQUIREMENTS,
        lists::REQUIREMENTS,
        statistics::REQUIREMENTS,
        catalogue::REQUIREMENTS,
        tokens::REQUIREMENTS,
        audit::REQUIREMENTS,
        events::REQUIREMENTS,
        transfers::REQUIREMENTS,
        model_test::REQUIREMENTS,
    ]
    .concat()
}
