#[deprecated = "use `send_mail`"]
pub async fn send_old_mail(to: String) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `mail.send-old`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct SendOldMail {
    /// The argument `to`.
    #[schemars(description = "")]
    pub to: String,
}

#[allow(deprecated)]
const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl SendOldMail {
        /// A payload of these fields.
        #[must_use]
        pub fn new(to: impl __private::IntoField<String>) -> Self {
            Self {
                to: __private::IntoField::into_field(to),
            }
        }
    }
    impl __private::Job for SendOldMail {
        const ID: &'static str = "mail.send-old";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = send_old_mail(payload.to).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(SendOldMail);
};
