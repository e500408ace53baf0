//! What every store promises, put to the test: also a store of your own.
//!
//! The contract of [`Store`](crate::store::Store) is a list of [points]: a sentence each,
//! and code that shows whether it holds. [`check`] runs them on each [`Ground`] and returns a
//! table. Whoever writes a store learns the contract by reading this module's files, one part of
//! the contract each, top to bottom as listed here.
//!
//! A ground is where fresh databases come from. This is all that one needs to say:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use jobs_runtime::conformance::{Column, Database, Ground, GroundError, check};
//! use jobs_runtime::store::{self, Store};
//!
//! /// Databases in memory.
//! struct Memory;
//!
//! /// One of them: a handle is all there is.
//! struct InMemory(Arc<dyn Store>);
//!
//! #[async_trait]
//! impl Ground for Memory {
//!     fn name(&self) -> &str {
//!         "my store"
//!     }
//!
//!     async fn fresh(&self) -> Result<Box<dyn Database>, GroundError> {
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
//! Most points are examples, told one after the other. Beside them, random stories of several
//! workers, operators and applications are told to the store and to a small model in memory, and
//! every answer is compared. One that goes wrong is shrunk, told in the report, and kept where
//! [`Ground::kept_stories`] says. `JOBS_TEST_TIER=full` tells thousands.

#![expect(clippy::unwrap_used, reason = "a point that meets an error has failed")]

mod ground;
mod point;
mod report;

mod migrations;

mod enqueues;
mod keys;
mod texts;

mod claims;
mod competition;

mod fencing;
mod retries;
mod settlements;

mod rescue;
mod sessions;

mod cancels;
mod operators;

mod limits;
mod permits;
mod rates;
mod turns;

mod queues;
mod uniqueness;

mod damage;
mod refusals;
mod transactions;

mod catalogue;
mod feeds;
mod logs;

mod events;
mod moves;
mod stories;

mod later;

mod document;
mod limited;
mod needs;
mod words;

pub use document::document;
pub use ground::{Damage, Database, Ground, GroundError, Transaction, Write};
pub use point::{Point, Verdict};
pub use report::{Column, Report, Row, check};

/// Every point of the contract, in reading order.
pub fn points() -> Vec<Point> {
    [
        migrations::POINTS,
        enqueues::POINTS,
        keys::POINTS,
        texts::POINTS,
        claims::POINTS,
        competition::POINTS,
        settlements::POINTS,
        retries::POINTS,
        fencing::POINTS,
        sessions::POINTS,
        rescue::POINTS,
        cancels::POINTS,
        operators::POINTS,
        limits::POINTS,
        permits::POINTS,
        turns::POINTS,
        rates::POINTS,
        uniqueness::POINTS,
        queues::POINTS,
        transactions::POINTS,
        damage::POINTS,
        refusals::POINTS,
        logs::POINTS,
        feeds::POINTS,
        catalogue::POINTS,
        events::POINTS,
        moves::POINTS,
        later::POINTS,
        stories::POINTS,
    ]
    .concat()
}
