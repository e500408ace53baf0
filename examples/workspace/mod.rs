//! Workspaces and their members: work that a request should not wait for.
//!
//! ```text
//! cargo run -- exec provision-member --workspace-id ws-1 --subject user:alice
//! ```

mod database;
mod health_check;
mod provision_member;

pub use database::{Member, WorkspaceDb, workspace_db};
pub use health_check::*;
pub use provision_member::*;
