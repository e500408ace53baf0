pub(in crate::files) async fn archive(path: String) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `archive`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub(in crate::files) struct Archive {
    pub(in crate::files) path: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Archive {
        /// A payload of these fields.
        #[must_use]
        pub(in crate::files) fn new(path: impl __private::IntoField<String>) -> Self {
            Self {
                path: __private::IntoField::into_field(path),
            }
        }
    }
    impl __private::Job for Archive {
        const ID: &'static str = "archive";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = archive(payload.path).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Archive);
};
