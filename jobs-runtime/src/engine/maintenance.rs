//! (module document)

pub(in crate::engine) mod ageing;
pub(in crate::engine) mod promotion;
pub(in crate::engine) mod rescue;
