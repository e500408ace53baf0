async fn health_check() -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `health-check`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
struct HealthCheck {}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl HealthCheck {
        /// The payload: it has no fields.
        #[must_use]
        fn new() -> Self {
            Self {}
        }
    }
    impl __private::Job for HealthCheck {
        const ID: &'static str = "health-check";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::JobDefinition::new::<
            Self,
        >(
            __private::source!(),
            __private::Handler::Async(|call| {
                __private::run_async(
                    call,
                    |context, payload: Self| async move {
                        let result = health_check().await;
                        __private::HandlerReturn::into_result(result)
                    },
                )
            }),
        );
    }
    __private::inventory::submit! {
        < HealthCheck as __private::Job > ::DEFINITION
    }
};
