//! The payload check: JSON, defaults, schema and deserialiser.
//!
//! ```text
//! text ──▶ json: parse, repeated keys ──▶ defaults: insert ──▶ schema, number: validate ──▶ read
//!                                                                   │ errors
//!                        violation, alternatives, expected ◀────────┘
//! ```
//!
//! [`check`] runs these steps. The last one is the deserialiser of the job's payload, where the job
//! is linked: no attempt fails because of a payload that was accepted. `canonical` compares a
//! payload that has aliases with the form that its type writes. [`violation`] turns the
//! validator's errors into the violations of a 422 response, `alternatives` does so for `anyOf` and
//! `oneOf`, and `expected` words the messages.
//!
//! The folder may import `jsonschema`, `serde_json` and the bounds in
//! [`options`](crate::service::options). It must not import a store, `http` or the job registry.

pub(in crate::service) mod alternatives;
mod canonical;
pub(in crate::service) mod check;
pub(in crate::service) mod defaults;
pub(in crate::service) mod expected;
pub(in crate::service) mod json;
pub(in crate::service) mod number;
#[cfg(feature = "http")]
pub(in crate::service) mod result;
pub(in crate::service) mod schema;
pub(in crate::service) mod violation;
