async fn once() -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `once`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
struct Once {}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Once {
        /// The payload: it has no fields.
        #[must_use]
        fn new() -> Self {
            Self {}
        }
    }
    impl __private::Job for Once {
        const ID: &'static str = "once";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .retries(__private::RetryPolicy::new(1, &[]))
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = once().await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Once);
};
