//! The sources of the crates whose builds are compared.

/// What all jobs share.
pub(crate) const PRELUDE: &str = r#"
use jobs::{JobContext, JobError};

pub struct WorkspaceDb;

impl WorkspaceDb {
    pub async fn insert(&self, _: &str, _: &str, _: &str) -> Result<u64, JobError> {
        Ok(1)
    }
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Member {
    pub id: u64,
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Seats(u8);

impl From<Seats> for u8 {
    fn from(seats: Seats) -> Self {
        seats.0
    }
}
"#;

/// Job number `N` with the attribute.
pub(crate) const ATTRIBUTE: &str = r#"
/// Creates a member of workspace N.
#[jobs::job(id = "member.create-N", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
pub async fn create_member_N(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    seats: u8,
    #[default("member")] role: String,
) -> Result<Member, JobError> {
    ctx.progress(seats, "inserting");
    Ok(Member { id: db.insert(&workspace_id, &subject, &role).await? })
}
"#;

/// The same job without the attribute: all code that the expansion generates, written by hand.
pub(crate) const BY_HAND: &str = r#"
/// Creates a member of workspace N.
pub async fn create_member_N(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    seats: u8,
    role: String,
) -> Result<Member, JobError> {
    ctx.progress(seats, "inserting");
    Ok(Member { id: db.insert(&workspace_id, &subject, &role).await? })
}

/// Creates a member of workspace N.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMemberN {
    pub workspace_id: String,
    pub subject: String,
    pub seats: u8,
    #[serde(default = "CreateMemberN::default_role")]
    pub role: String,
}

impl CreateMemberN {
    /// A payload of the required fields.
    #[must_use]
    pub fn new(workspace_id: impl Into<String>, subject: impl Into<String>, seats: u8) -> Self {
        Self {
            workspace_id: workspace_id.into(),
            subject: subject.into(),
            seats,
            role: Self::default_role(),
        }
    }

    /// Sets the role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    fn default_role() -> String {
        "member".to_owned()
    }
}

impl jobs::Job for CreateMemberN {
    const ID: &'static str = "member.create-N";
    type Output = Member;
    const DEFINITION: &'static jobs::JobDefinition = &jobs::JobDefinition::new::<Self>(
        jobs::Source { module: module_path!(), line: line!() },
        jobs::runtime::Handler::Async(|call| {
            Box::pin(async move {
                let payload: Self =
                    serde_json::from_str(&call.payload).map_err(JobError::permanent)?;
                let db = call
                    .context
                    .resource::<WorkspaceDb>()
                    .ok_or_else(|| JobError::permanent("no WorkspaceDb"))?;
                let member = create_member_N(
                    &call.context,
                    &db,
                    payload.workspace_id,
                    payload.subject,
                    payload.seats,
                    payload.role,
                )
                .await?;
                serde_json::to_string(&member).map_err(JobError::permanent)
            })
        }),
    )
    .docs("Creates a member of workspace N.")
    .resources(&[
        jobs::runtime::ResourceRequest::of::<JobContext>(),
        jobs::runtime::ResourceRequest::of::<WorkspaceDb>(),
    ])
    .timeout(Some(std::time::Duration::from_secs(300)))
    .retries(jobs::RetryPolicy::new(
        4,
        &[
            std::time::Duration::from_secs(30),
            std::time::Duration::from_secs(60),
            std::time::Duration::from_secs(120),
        ],
    ));
}

inventory::submit! { <CreateMemberN as jobs::Job>::DEFINITION }
"#;

/// The program.
pub(crate) const MAIN: &str = r#"
fn main() {
    println!("{}", jobs::Catalogue::linked().expect("unique ids").len());
}
"#;

/// Replaces every `N` that ends a word by `n`.
pub(crate) fn numbered(template: &str, n: usize) -> String {
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let ends = !chars.peek().is_some_and(|next| next.is_alphanumeric());
        // The `N` of `DEFINITION` follows a capital and stays.
        if c == 'N' && ends && !before.is_ascii_uppercase() {
            text.push_str(&n.to_string());
        } else {
            text.push(c);
        }
        before = c;
    }
    text
}

/// The same job with a field of the application's own type.
pub(crate) fn with_own_type(template: &str) -> String {
    template
        .replace("seats: u8", "seats: Seats")
        .replace("ctx.progress(seats,", "ctx.progress(u8::from(seats),")
}
