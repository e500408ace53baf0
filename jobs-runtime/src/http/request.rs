//! Checks and extractors for requests.
//!
//! [`guard`] holds the middleware that every request passes. [`path`], [`query`] and [`body`] turn
//! the parts of a request into values. They report all mistakes at once, as a problem response.
//! [`fields`] is a choice of an execution's fields. [`trace`] reads the trace context of a request
//! and creates its span. [`acts`] completes requests whose caller has gone.
//!
//! The folder may import [`response::problem`](super::response::problem), trace contexts, the
//! execution record, and the similar-name suggestions of the service. It must not call the service
//! or a store; the exceptions are the clock of the service, for the request deadline, its spans,
//! and the actor of the audit log.

pub(in crate::http) mod acts;
pub(in crate::http) mod body;
pub(in crate::http) mod fields;
pub(in crate::http) mod guard;
pub(in crate::http) mod path;
pub(in crate::http) mod query;
pub(in crate::http) mod trace;
