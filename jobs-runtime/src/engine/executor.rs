//! (module document)

pub(in crate::engine) mod attempt;
pub(in crate::engine) mod interrupt;
pub(in crate::engine) mod lend;
pub(in crate::engine) mod limiter;
pub(in crate::engine) mod success;
