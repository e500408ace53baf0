pub async fn send_mail(to: String) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `mail.send`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct Mail {
    /// The argument `to`.
    #[schemars(description = "")]
    pub to: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Mail {
        /// A payload of these fields.
        #[must_use]
        pub fn new(to: impl __private::IntoField<String>) -> Self {
            Self {
                to: __private::IntoField::into_field(to),
            }
        }
    }
    impl __private::Job for Mail {
        const ID: &'static str = "mail.send";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .label("Mail")
            .aliases(&["send-mail", "mail.deliver"])
            .timeout(__private::Option::Some(__private::Duration::from_secs(5400)))
            .retries(
                __private::RetryPolicy::new(
                    5,
                    &[
                        __private::Duration::from_millis(500),
                        __private::Duration::from_secs(60),
                    ],
                ),
            )
            .priority(__private::Priority::High)
            .queue("mail")
            .routing_key("letters.send")
            .tags(&["outbound"])
            .enabled(false)
            .upcast(|payload| __private::UpcastReturn::into_result(
                from_older_versions(payload),
            ))
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = send_mail(payload.to).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Mail);
};
