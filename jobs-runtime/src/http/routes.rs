//! (module document)

pub(in crate::http) mod edit;
pub(in crate::http) mod executions;
pub(in crate::http) mod explain;
pub(in crate::http) mod list_executions;
pub(in crate::http) mod health;
pub(in crate::http) mod index;
pub(in crate::http) mod jobs;
pub(in crate::http) mod logs;
pub(in crate::http) mod processes;
pub(in crate::http) mod queues;
pub(in crate::http) mod retry;
pub(in crate::http) mod trigger;
