async fn tick(by: u8) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `tick`.
#[derive(
    crate::reexported::jobs::__private::Serialize,
    crate::reexported::jobs::__private::Deserialize,
    crate::reexported::jobs::__private::JsonSchema
)]
#[serde(crate = "crate::reexported::jobs::__private::serde")]
#[schemars(crate = "crate::reexported::jobs::__private::schemars")]
struct Tick {
    #[serde(default = "Tick::__default_by")]
    by: u8,
}

const _: () = {
    use crate::reexported::jobs::__private;
    #[allow(dead_code)]
    impl Tick {
        /// The payload with every field at its default.
        #[must_use]
        fn new() -> Self {
            Self { by: Self::__default_by() }
        }
        /// Sets `by`, which is `1` otherwise.
        #[must_use]
        fn by(mut self, by: impl __private::IntoField<u8>) -> Self {
            self.by = __private::IntoField::into_field(by);
            self
        }
        fn __default_by() -> u8 {
            1
        }
    }
    impl __private::Job for Tick {
        const ID: &'static str = "tick";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = tick(payload.by).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Tick);
};
