//! (module document)

pub mod problem;
pub(in crate::http) mod redact;
pub(in crate::http) mod errors;
