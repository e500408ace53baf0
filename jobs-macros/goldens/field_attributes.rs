pub async fn sign_in(
    user: String,
    api_token: String,
    pin_code: String,
) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `sign-in`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema,
    Debug,
    Clone
)]
#[serde(
    crate = "::jobs::__private::serde",
    rename_all = "camelCase",
    deny_unknown_fields
)]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct SignIn {
    /// The address of the user.
    #[schemars(email)]
    pub user: String,
    /// The argument `api_token`.
    #[schemars(description = "")]
    pub api_token: String,
    /// The argument `pin_code`.
    #[schemars(description = "")]
    #[serde(rename = "pin")]
    pub pin_code: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl SignIn {
        /// A payload of these fields.
        #[must_use]
        pub fn new(
            user: impl __private::IntoField<String>,
            api_token: impl __private::IntoField<String>,
            pin_code: impl __private::IntoField<String>,
        ) -> Self {
            Self {
                user: __private::IntoField::into_field(user),
                api_token: __private::IntoField::into_field(api_token),
                pin_code: __private::IntoField::into_field(pin_code),
            }
        }
    }
    impl __private::Job for SignIn {
        const ID: &'static str = "sign-in";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .sensitive(&["apiToken", "pin"])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = sign_in(
                                payload.user,
                                payload.api_token,
                                payload.pin_code,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(SignIn);
};
