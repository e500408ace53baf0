//! What only PostgreSQL can show: roles, starters that race, lost connections, notifications,
//! locks of others, transactions of every level. The contract itself is the conformance suite's.

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
mod tls;
mod transactions;
mod unique;
