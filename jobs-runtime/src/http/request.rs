//! Checks and extractors for requests.
//!
//! [`guard`] holds the middleware that every request passes. [`path`], [`query`] and [`body`] turn
//! the parts of a request into values. They report all mistakes at once, as a problem response.
//!
//! May import [`response::problem`](super::response::problem) and the similar-name suggestions of
//! the service. Must not call the service or a store; the one exception is the clock of the
//! service, for the request deadline.

pub(in crate::http) mod body;
pub(in crate::http) mod guard;
pub(in crate::http) mod path;
pub(in crate::http) mod query;
