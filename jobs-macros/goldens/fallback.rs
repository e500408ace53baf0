::core::compile_error! {
    "`Provision Member` is not an id (lower-case letters, digits, `_` and `-`, in segments joined by `.`): write `\"provision-member\"`"
}

::core::compile_error! {
    "unknown key `timout`, did you mean `timeout`?\nexpected one of `id`, `aliases`, `label`, `timeout`, `retries`, `max_attempts`, `priority`, `queue`, `tags`, `rename_all`, `deny_unknown`, `derive`, `payload`, `enabled`, `crate`, `max_concurrent`, `rate_limit`, `unique`, `debounce`, `max_waiting`, `routing_key`, `schedule`, `expires`, `retain`, `upcast`"
}

::core::compile_error! {
    "attempts share the resources of the runtime: take `&T`, and use a lock inside `T` if it changes"
}

/// Creates a member.
pub async fn provision_member(
    db: &mut WorkspaceDb,
    subject: String,
    role: String,
) -> Result<ProvisionedMember, JobError> {
    db.insert(&subject, &role).await?
}

/// Creates a member.
/// The payload of a job with a mistake.
pub struct ProvisionMember {
    /// The argument `subject`.
    pub subject: String,
    /// The argument `role`.
    pub role: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl ProvisionMember {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        pub fn new(subject: impl __private::IntoField<String>) -> Self {
            Self {
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
    __private::placeholder!(ProvisionMember);
    impl __private::Job for ProvisionMember {
        const ID: &'static str = "";
        type Output = __private::OutputOf<Result<ProvisionedMember, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self);
    }
};
