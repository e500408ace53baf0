async fn unused(_: &JobContext, _dry_run: bool, r#type: Kind) -> Result<(), JobError> {
    Ok(())
}

const _: () = {
    ::jobs::__private::assert_payload_field::<Kind>();
};

/// The payload of the job `unused`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    bound = "for<'x> Kind: ::jobs::__private::PayloadBound<'x>"
)]
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
    /// The payload of the job `unused`.
    #[derive(__private::JsonSchema)]
    #[schemars(crate = "::jobs::__private::schemars", rename = "Unused")]
    #[allow(dead_code)]
    struct __Described
    where
        for<'x> Kind: __private::PayloadBound<'x>,
    {
        dry_run: bool,
        r#type: Kind,
    }
    impl __private::JsonSchema for Unused
    where
        for<'x> Kind: __private::PayloadBound<'x>,
    {
        __private::describe_as!(__Described);
    }
    impl __private::Job for Unused
    where
        for<'x> Kind: __private::PayloadBound<'x>,
    {
        const ID: &'static str = "unused";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .resources(&[__private::ResourceRequest::of::<JobContext>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = unused(
                                __private::borrow_argument::<JobContext>(&context)?,
                                payload.dry_run,
                                payload.r#type,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit_bounded!(Unused);
};
