//! (module document)

pub(in crate::store::postgres) mod catalogue;
pub(in crate::store::postgres) mod execution;
pub(in crate::store::postgres) mod list;
pub(in crate::store::postgres) mod logs;
