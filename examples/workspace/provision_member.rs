//! An idempotent job: it writes one row to the application's database, also if it is retried.
//!
//! ```text
//! cargo run -- exec provision-member --workspace-id ws-1 --subject user:alice
//! ```

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WorkspaceDb;

/// The result: the provisioned member.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedMember {
    /// The member's id in the workspace database.
    pub member_id: String,
    /// The workspace.
    pub workspace_id: String,
    /// The user, as `user:NAME`.
    pub subject: String,
    /// The member's role.
    pub role: String,
}

/// Creates a member of a workspace.
#[job(id = "provision-member", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
pub async fn provision_member(
    ctx: &JobContext,
    db: &WorkspaceDb,
    /// The workspace to join.
    workspace_id: String,
    /// The user, as `user:NAME`.
    subject: String,
    /// The member's role.
    #[default("member")]
    role: String,
) -> Result<ProvisionedMember, JobError> {
    ctx.progress(10, "Looking up the workspace");
    if !db.has_workspace(&workspace_id).await? {
        // A retry cannot create the workspace.
        return Err(JobError::permanent(format!(
            "no workspace `{workspace_id}`"
        )));
    }

    ctx.progress(50, "Adding the member");
    // The execution's id is the same in every attempt. If an attempt crashes after its insert, the
    // next attempt finds the row.
    let id = ctx.execution_id().to_string();
    let member = db.add_member(&id, &workspace_id, &subject, &role).await?;
    tracing::info!(member.id, subject, "the member is provisioned");

    Ok(ProvisionedMember {
        member_id: member.id,
        workspace_id,
        subject,
        role: member.role,
    })
}
