//! Expansions after a mistake.

use super::golden;

#[test]
fn a_job_after_a_mistake() {
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
fn an_incomplete_body_passes_through() {
    let item =
        "async fn send_mail(to: String) -> Result<(), JobError> { outbox. to.len( ) let x = }";
    let item = item.parse().expect("tokens");
    let expanded = crate::job::job(quote::quote!(id = "mail.send"), &item).to_string();
    assert!(expanded.starts_with("async fn send_mail"), "{expanded}");
    assert!(
        expanded.contains("outbox . to . len () let x ="),
        "{expanded}"
    );
    assert!(expanded.contains("submit"), "{expanded}");
}

#[test]
fn an_item_that_is_not_a_function_stays_unchanged() {
    let item = quote::quote!(
        struct SendMail;
    );
    let expanded = crate::job::job(quote::quote!(id = "mail.send"), &item).to_string();
    assert!(expanded.contains("expected a function"), "{expanded}");
    assert!(expanded.ends_with("struct SendMail ;"), "{expanded}");
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

#[test]
fn an_argument_without_a_size() {
    golden(
        "fallback_unsized",
        r#"
        #[job(id = "mail.send", derive(Debug))]
        async fn send_mail(outbox: dyn Outbox, #[serde(renam = "x")] to: String) -> Result<(), JobError> {
            outbox.send(to).await
        }
        "#,
    );
}
