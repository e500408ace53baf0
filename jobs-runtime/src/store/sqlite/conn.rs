//! (module document)

pub(in crate::store::sqlite) mod change_detector;
pub(in crate::store::sqlite) mod commit_group;
pub(in crate::store::sqlite) mod error;
pub(in crate::store::sqlite) mod json;
pub(in crate::store::sqlite) mod lock_owner;
pub(in crate::store::sqlite) mod lookups;
pub(in crate::store::sqlite) mod open;
pub(in crate::store::sqlite) mod operation;
pub(in crate::store::sqlite) mod readers;
pub(in crate::store::sqlite) mod script;
pub(in crate::store::sqlite) mod writer;
