//! (module document)

pub(in crate::service) mod alternatives;
pub(in crate::service) mod check;
pub(in crate::service) mod defaults;
pub(in crate::service) mod expected;
pub(in crate::service) mod json;
pub(in crate::service) mod number;
pub(in crate::service) mod schema;
pub(in crate::service) mod violation;
