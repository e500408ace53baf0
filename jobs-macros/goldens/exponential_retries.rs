async fn poll(url: Url) -> Result<Page, JobError> {
    fetch(url).await
}

const _: () = {
    ::jobs::__private::assert_payload_field::<Url>();
};

/// The payload of the job `poll`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    bound = "for<'x> Url: ::jobs::__private::PayloadBound<'x>"
)]
struct Poll {
    url: Url,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Poll {
        /// A payload of these fields.
        #[must_use]
        fn new(url: impl __private::IntoField<Url>) -> Self {
            Self {
                url: __private::IntoField::into_field(url),
            }
        }
    }
    /// The payload of the job `poll`.
    #[derive(__private::JsonSchema)]
    #[schemars(crate = "::jobs::__private::schemars", rename = "Poll")]
    #[allow(dead_code)]
    struct __Described
    where
        for<'x> Url: __private::PayloadBound<'x>,
    {
        url: Url,
    }
    impl __private::JsonSchema for Poll
    where
        for<'x> Url: __private::PayloadBound<'x>,
    {
        __private::describe_as!(__Described);
    }
    impl __private::Job for Poll
    where
        for<'x> Url: __private::PayloadBound<'x>,
    {
        const ID: &'static str = "poll";
        type Output = __private::OutputOf<Result<Page, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .timeout(__private::Option::None)
            .retries(
                __private::RetryPolicy::new(
                        11,
                        &[
                            __private::Duration::from_secs(10),
                            __private::Duration::from_secs(20),
                            __private::Duration::from_secs(40),
                            __private::Duration::from_secs(80),
                            __private::Duration::from_secs(160),
                            __private::Duration::from_secs(320),
                            __private::Duration::from_secs(640),
                            __private::Duration::from_secs(1280),
                            __private::Duration::from_secs(2560),
                            __private::Duration::from_secs(3600),
                        ],
                    )
                    .jitter(0.1),
            )
            .priority(__private::priority(70))
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = poll(payload.url).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit_bounded!(Poll);
};
