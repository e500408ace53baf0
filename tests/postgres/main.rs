//! Tests of the PostgreSQL store beyond the conformance suite: roles, concurrent starts, lost
//! connections, notifications, locks of other transactions, isolation levels.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod support;

mod allocators;
mod layout;
mod limits;
mod locks;
mod notifications;
mod outages;
mod pinned;
mod roles;
mod sql_enqueue;
mod tls;
mod transactions;
mod unique;
