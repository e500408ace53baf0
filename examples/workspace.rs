//! Workspaces and their members: jobs that use the application's own database.
//!
//! ```text
//! cargo run -- exec provision-member --workspace-id ws-1 --subject user:alice
//! ```
//!
//! * `database`: the database, as a resource.
//! * `provision_member`: a job that writes to it, once per execution.
//! * `health_check`: a job that reads from it every five minutes, without a payload.
//!
//! The jobs import the application's database only, and never the runtime or its store.

mod database;
mod health_check;
mod provision_member;

pub use database::{Member, WorkspaceDb, workspace_db};
pub use health_check::*;
pub use provision_member::*;
