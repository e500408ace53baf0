//! The golden expansion that the guide explains, compiled like hand-written code.

use jobs::{JobContext, JobError};

use crate::support::{linked, run_with};

#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::needless_question_mark,
    reason = "the golden is generated, and a part of a library"
)]
mod golden {
    use super::{JobContext, JobError};

    pub struct WorkspaceDb;

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct ProvisionedMember {
        member_id: String,
    }

    impl WorkspaceDb {
        async fn insert_member(
            &self,
            workspace_id: &str,
            subject: &str,
            role: &str,
        ) -> Result<ProvisionedMember, JobError> {
            let member_id = format!("{workspace_id}/{subject}/{role}");
            std::future::ready(Ok(ProvisionedMember { member_id })).await
        }
    }

    include!("../../../jobs-macros/goldens/provision_member.rs");
}

#[test]
fn the_golden_expansion_is_a_job_that_runs() {
    let db = jobs::runtime::BuiltResource::new(std::sync::Arc::new(golden::WorkspaceDb));
    let payload = r#"{"workspaceId": "ws-1", "subject": "user:alice"}"#;
    let result = run_with::<golden::ProvisionMember>([db], payload).expect("succeeds");
    assert_eq!(result, r#"{"memberId":"ws-1/user:alice/member"}"#);
    let job = linked::<golden::ProvisionMember>();
    assert_eq!(job.descriptor().label, "Creates a member of a workspace");
    assert_eq!(job.resources().len(), 2);
}
