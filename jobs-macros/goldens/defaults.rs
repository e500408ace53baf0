pub async fn report(
    format: Format,
    copies: u32,
    note: Option<String>,
    title: String,
) -> Result<(), JobError> {
    Ok(())
}

const _: () = {
    ::jobs::__private::assert_payload_field::<Format>();
};

/// The payload of the job `report`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    bound = "for<'x> Format: ::jobs::__private::PayloadBound<'x>"
)]
pub struct Report {
    /// The argument `format`.
    #[serde(default = "Report::__default_format")]
    pub format: Format,
    /// The argument `copies`.
    #[serde(default = "Report::__default_copies")]
    pub copies: u32,
    /// The argument `note`.
    #[serde(default = "Report::__default_note")]
    pub note: Option<String>,
    /// The argument `title`.
    pub title: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Report {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        pub fn new(title: impl __private::IntoField<String>) -> Self {
            Self {
                format: Self::__default_format(),
                copies: Self::__default_copies(),
                note: Self::__default_note(),
                title: __private::IntoField::into_field(title),
            }
        }
        /// Sets `format`, which has a default.
        #[must_use]
        pub fn format(mut self, format: impl __private::IntoField<Format>) -> Self {
            self.format = __private::IntoField::into_field(format);
            self
        }
        /// Sets `copies`, which is `3` otherwise.
        #[must_use]
        pub fn copies(mut self, copies: impl __private::IntoField<u32>) -> Self {
            self.copies = __private::IntoField::into_field(copies);
            self
        }
        /// Sets `note`, which is `None` otherwise.
        #[must_use]
        pub fn note(mut self, note: impl __private::IntoField<Option<String>>) -> Self {
            self.note = __private::IntoField::into_field(note);
            self
        }
        fn __default_format() -> Format {
            Format::Pdf
        }
        fn __default_copies() -> u32 {
            3
        }
        fn __default_note() -> Option<String> {
            None
        }
    }
    /// The payload of the job `report`.
    #[derive(__private::JsonSchema)]
    #[schemars(crate = "::jobs::__private::schemars", rename = "Report")]
    #[allow(dead_code)]
    struct __Described
    where
        for<'x> Format: __private::PayloadBound<'x>,
    {
        #[serde(default = "Report::__default_format")]
        format: Format,
        #[serde(default = "Report::__default_copies")]
        copies: u32,
        #[serde(default = "Report::__default_note")]
        note: Option<String>,
        title: String,
    }
    impl __private::JsonSchema for Report
    where
        for<'x> Format: __private::PayloadBound<'x>,
    {
        __private::describe_as!(__Described);
    }
    impl __private::Job for Report
    where
        for<'x> Format: __private::PayloadBound<'x>,
    {
        const ID: &'static str = "report";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = report(
                                payload.format,
                                payload.copies,
                                payload.note,
                                payload.title,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit_bounded!(Report);
};
