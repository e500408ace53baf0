//! Problem responses and error conversion.
//!
//! [`problem`] defines the `application/problem+json` response and the table of its codes.
//! [`errors`] converts the errors of the service and the store; it builds the 422 response with its
//! violations.
//!
//! The folder may import the service and the store contract. It must not import
//! [`routes`](mod@super::routes) or [`request`](super::request).

pub(in crate::http) mod errors;
pub(in crate::http) mod gzip;
pub mod problem;
