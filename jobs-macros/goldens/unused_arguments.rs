async fn unused(_: &JobContext, _dry_run: bool, r#type: Kind) -> Result<(), JobError> {
    Ok(())
}

const _: () = {
    ::jobs::__private::payload_field::<Kind>();
};

/// The payload of the job `unused`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
struct Unused {
    dry_run: bool,
    r#type: Kind,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Unused {
        /// A payload of these fields.
        #[must_use]
        fn new(
            dry_run: impl __private::IntoField<bool>,
            r#type: impl __private::IntoField<Kind>,
        ) -> Self {
            Self {
                dry_run: __private::IntoField::into_field(dry_run),
                r#type: __private::IntoField::into_field(r#type),
            }
        }
    }
    impl __private::Job for Unused {
        const ID: &'static str = "unused";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .resources(&[__private::ResourceRequest::of::<JobContext>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::open::<Self>(call)?;
                        let result = unused(
                                __private::reference::<JobContext>(&context)?,
                                payload.dry_run,
                                payload.r#type,
                            )
                            .await;
                        __private::close::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Unused);
};
