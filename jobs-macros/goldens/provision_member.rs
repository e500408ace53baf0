/// Creates a member of a workspace.
pub async fn provision_member(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    role: String,
) -> Result<ProvisionedMember, JobError> {
    ctx.progress(10, "inserting");
    Ok(db.insert_member(&workspace_id, &subject, &role).await?)
}

/// Creates a member of a workspace.
///
/// The payload of the job `provision-member`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde", rename_all = "camelCase")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct ProvisionMember {
    /// The argument `workspace_id`.
    #[schemars(description = "")]
    pub workspace_id: String,
    /// The argument `subject`.
    #[schemars(description = "")]
    pub subject: String,
    /// The argument `role`.
    #[schemars(description = "")]
    #[serde(default = "ProvisionMember::__default_role")]
    pub role: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl ProvisionMember {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        pub fn new(
            workspace_id: impl __private::IntoField<String>,
            subject: impl __private::IntoField<String>,
        ) -> Self {
            Self {
                workspace_id: __private::IntoField::into_field(workspace_id),
                subject: __private::IntoField::into_field(subject),
                role: Self::__default_role(),
            }
        }
        /// Sets `role`, which is `"member"` otherwise.
        #[must_use]
        pub fn role(mut self, role: impl __private::IntoField<String>) -> Self {
            self.role = __private::IntoField::into_field(role);
            self
        }
        fn __default_role() -> String {
            __private::IntoField::into_field("member")
        }
    }
    impl __private::Job for ProvisionMember {
        const ID: &'static str = "provision-member";
        type Output = __private::OutputOf<Result<ProvisionedMember, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Creates a member of a workspace.")
            .resources(
                &[
                    __private::ResourceRequest::of::<JobContext>(),
                    __private::ResourceRequest::of::<WorkspaceDb>(),
                ],
            )
            .timeout(__private::Option::Some(__private::Duration::from_secs(300)))
            .retries(
                __private::RetryPolicy::new(
                    4,
                    &[
                        __private::Duration::from_secs(30),
                        __private::Duration::from_secs(60),
                        __private::Duration::from_secs(120),
                    ],
                ),
            )
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = provision_member(
                                __private::borrow_argument::<JobContext>(&context)?,
                                __private::borrow_argument::<WorkspaceDb>(&context)?,
                                payload.workspace_id,
                                payload.subject,
                                payload.role,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(ProvisionMember);
};
