async fn greet(
    greeter: &(dyn Greeter + Send + Sync),
    name: String,
) -> Result<String, JobError> {
    Ok(greeter.greet(&name))
}

/// The payload of the job `greet`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
struct Greet {
    name: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Greet {
        /// A payload of these fields.
        #[must_use]
        fn new(name: impl __private::IntoField<String>) -> Self {
            Self {
                name: __private::IntoField::into_field(name),
            }
        }
    }
    impl __private::Job for Greet {
        const ID: &'static str = "greet";
        type Output = __private::OutputOf<Result<String, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .resources(&[__private::ResourceRequest::of::<dyn Greeter + Send + Sync>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = greet(
                                __private::borrow_argument::<
                                    dyn Greeter + Send + Sync,
                                >(&context)?,
                                payload.name,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Greet);
};
