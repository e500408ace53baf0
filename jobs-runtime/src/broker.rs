//! Dispatch through RabbitMQ: a relay that publishes a message for each ready execution, and a
//! consumer that claims the executions that messages name.
//!
//! ```text
//!  store ── unpublished entries ──▶ relay ── message ──▶ RabbitMQ ── message ──▶ consumer
//!    ▲ ◀──── entry deleted ────────── confirm                                      │
//!    └───────────── claim by execution id ◀──── dispatcher ◀──── delivery ─────────┘
//! ```
//!
//! The store decides; a message is a hint. It may be lost, repeated or late
//! (docs/decisions/0012-broker.md). Relay and consumer have a connection each: a broker that is low
//! on memory or disk blocks connections that publish, and acknowledgements have to pass.
//!
//! | module | contents |
//! |---|---|
//! | [`config`] | URL, credentials, prefix, prefetch |
//! | [`names`] | names of exchanges and broker queues |
//! | [`message`] | the message, as JSON |
//! | [`connection`] | connections and their deadlines; errors by kind |
//! | [`topology`] | declarations of exchanges, broker queues and bindings |
//! | [`relay`], [`publisher`] | the loop that publishes; a batch with its confirms |
//! | [`destinations`], [`routing_keys`] | broker queues and jobs that are left out; keys by job |
//! | [`lost_messages`] | ready executions without a message |
//! | [`consumer`], [`unclaimed`] | deliveries and their answers; deliveries that lease nothing |
//! | [`dead_letters`] | messages that no consumer could read |
//! | [`check`] | reachability, rights and topology, for `doctor` |
//! | [`thread`] | the thread of relay and consumer |
//!
//! The folder may import the store contract, the delivery types of `engine`, `health`, `clock`,
//! `threads` and `time`. It must never import `service`, `http`, `cli` or `runtime`.

#[cfg(feature = "cli")]
pub(crate) mod check;
mod config;
mod connection;
mod consumer;
#[cfg(feature = "cli")]
pub(crate) mod dead_letters;
mod destinations;
mod lost_messages;
mod message;
mod names;
mod publisher;
mod relay;
mod routing_keys;
mod thread;
mod topology;
mod unclaimed;

pub use config::{BrokerConfig, ParseBrokerUrlError};
pub use connection::{BrokerError, BrokerErrorKind};
pub(crate) use consumer::ConsumedJob;
pub(crate) use thread::{Broker, BrokerParts, ConsumerParts};
