/** Archives a file.
         *
         * Takes its time. */
async fn archive(path: String) -> Result<(), JobError> {
    Ok(())
}

/// Archives a file.
///
/// Takes its time.
///
/// The payload of the job `archive`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
struct Archive {
    /// Where it is.
    path: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Archive {
        /// A payload of these fields.
        #[must_use]
        fn new(path: impl __private::IntoField<String>) -> Self {
            Self {
                path: __private::IntoField::into_field(path),
            }
        }
    }
    impl __private::Job for Archive {
        const ID: &'static str = "archive";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Archives a file.\n\nTakes its time.")
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
