//! (module document)

pub(in crate::store::sqlite) mod catalogue;
pub(in crate::store::sqlite) mod execution;
pub(in crate::store::sqlite) mod list;
pub(in crate::store::sqlite) mod logs;
