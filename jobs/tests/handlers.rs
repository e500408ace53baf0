#![allow(missing_docs)]
use jobs::{Catalogue, JobContext, JobError, Job, job};
pub struct WorkspaceDb;
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ProvisionedMember { member_id: String }

/// Creates a member of a workspace.
#[job(id = "provision-member", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
pub async fn provision_member(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    #[default("member")] role: String,
) -> Result<ProvisionedMember, JobError> {
    let _ = (ctx, db, workspace_id, role);
    Ok(ProvisionedMember { member_id: subject })
}
#[jobs::resource]
async fn workspace_db() -> Result<WorkspaceDb, std::io::Error> { Ok(WorkspaceDb) }

#[test]
fn x() {
    let c = Catalogue::linked().unwrap();
    println!("{:#?}", c.get("provision-member").unwrap().descriptor());
    let p = ProvisionMember::new("a", "b").role("x");
    assert_eq!(p.role, "x");
    assert_eq!(ProvisionMember::ID, "provision-member");
}
