#[cfg(windows)]
#[tracing::instrument(skip_all)]
pub async fn windows_only(path: String) -> Result<(), JobError> {
    Ok(())
}

#[cfg(windows)]
/// The payload of the job `windows-only`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct WindowsOnly {
    /// The argument `path`.
    #[schemars(description = "")]
    pub path: String,
}

#[cfg(windows)]
const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl WindowsOnly {
        /// A payload of these fields.
        #[must_use]
        pub fn new(path: impl __private::IntoField<String>) -> Self {
            Self {
                path: __private::IntoField::into_field(path),
            }
        }
    }
    impl __private::Job for WindowsOnly {
        const ID: &'static str = "windows-only";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = windows_only(payload.path).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(WindowsOnly);
};
