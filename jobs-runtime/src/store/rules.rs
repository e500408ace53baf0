//! (module document)

pub(in crate::store) mod dedup;
pub(in crate::store) mod execution_rows;
pub(in crate::store) mod migrations;
pub(in crate::store) mod permits;
pub(in crate::store) mod retry_text;
