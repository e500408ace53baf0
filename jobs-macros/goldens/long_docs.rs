/// Sends a letter.
///
/// * By post, which takes days:
///
///       stamp(letter)
///
/// * Or not at all.
pub async fn send_letter(to: String) -> Result<(), JobError> {
    Ok(())
}

/// Sends a letter.
///
/// * By post, which takes days:
///
///       stamp(letter)
///
/// * Or not at all.
///
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
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl SendLetter {
        /// A payload of these fields.
        #[must_use]
        pub fn new(to: impl __private::IntoField<String>) -> Self {
            Self {
                to: __private::IntoField::into_field(to),
            }
        }
    }
    impl __private::Job for SendLetter {
        const ID: &'static str = "send-letter";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs(
                "Sends a letter.\n\n* By post, which takes days:\n\n      stamp(letter)\n\n* Or not at all.",
            )
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = send_letter(payload.to).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(SendLetter);
};
