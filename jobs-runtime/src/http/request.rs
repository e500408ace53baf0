//! (module document)

pub(in crate::http) mod body;
pub(in crate::http) mod guard;
pub(in crate::http) mod path;
pub(in crate::http) mod query;
