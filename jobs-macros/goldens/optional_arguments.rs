pub async fn send_letter(
    to: String,
    note: Option<String>,
    tags: Vec<String>,
    stamp: u8,
) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `send-letter`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct SendLetter {
    /// The argument `to`.
    #[schemars(description = "")]
    pub to: String,
    /// The argument `note`.
    #[schemars(description = "")]
    pub note: Option<String>,
    /// The argument `tags`.
    #[schemars(description = "")]
    #[serde(default)]
    pub tags: Vec<String>,
    /// The argument `stamp`.
    #[schemars(description = "")]
    #[serde(default = "SendLetter::__default_stamp")]
    pub stamp: u8,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl SendLetter {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        pub fn new(to: impl __private::IntoField<String>) -> Self {
            Self {
                to: __private::IntoField::into_field(to),
                note: __private::Option::None,
                tags: __private::Default::default(),
                stamp: Self::__default_stamp(),
            }
        }
        /// Sets `note`, which is `None` otherwise.
        #[must_use]
        pub fn note(mut self, note: impl __private::IntoField<Option<String>>) -> Self {
            self.note = __private::IntoField::into_field(note);
            self
        }
        /// Sets `tags`, which has a default.
        #[must_use]
        pub fn tags(mut self, tags: impl __private::IntoField<Vec<String>>) -> Self {
            self.tags = __private::IntoField::into_field(tags);
            self
        }
        /// Sets `stamp`, which has a default.
        #[must_use]
        pub fn stamp(mut self, stamp: impl __private::IntoField<u8>) -> Self {
            self.stamp = __private::IntoField::into_field(stamp);
            self
        }
        fn __default_stamp() -> u8 {
            __private::default_of("stamp", || stamp())
        }
    }
    impl __private::Default for SendLetter {
        fn default() -> Self {
            Self {
                to: __private::Default::default(),
                note: __private::Option::None,
                tags: __private::Default::default(),
                stamp: Self::__default_stamp(),
            }
        }
    }
    impl __private::Job for SendLetter {
        const ID: &'static str = "send-letter";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = send_letter(
                                payload.to,
                                payload.note,
                                payload.tags,
                                payload.stamp,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(SendLetter);
};
