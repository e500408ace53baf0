//! What is left after a mistake.

use super::golden;

#[test]
fn the_rest_goes_on_after_a_mistake() {
    golden(
        "fallback",
        r#"
        /// Creates a member.
        #[job(id = "Provision Member", timout = "5m")]
        pub async fn provision_member(
            db: &mut WorkspaceDb,
            subject: String,
            #[default("member")] role: String,
        ) -> Result<ProvisionedMember, JobError> {
            db.insert(&subject, &role).await?
        }
        "#,
    );
}

#[test]
fn a_resource_after_a_mistake() {
    golden(
        "resource_fallback",
        r#"
        #[resource(lazy)]
        async fn workspace_db(url: String) -> Result<WorkspaceDb, sqlx::Error> {
            WorkspaceDb::open(&url).await
        }
        "#,
    );
}
