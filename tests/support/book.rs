//! The pages of the book: their Rust code is compiled and run with the documentation tests.

#[doc = include_str!("../../docs/embedding.md")]
pub mod embedding {}
#[doc = include_str!("../../docs/errors.md")]
pub mod errors {}
#[doc = include_str!("../../docs/payloads.md")]
pub mod payloads {}
#[doc = include_str!("../../docs/schema-gate.md")]
pub mod schema_gate {}
#[doc = include_str!("../../docs/resources.md")]
pub mod resources {}
#[doc = include_str!("../../docs/testing.md")]
pub mod testing {}
#[doc = include_str!("../../docs/transactions.md")]
pub mod transactions {}
