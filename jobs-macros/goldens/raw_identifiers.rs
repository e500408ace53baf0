pub async fn r#match(r#type: String, r#final: bool) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `match`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde", rename_all = "camelCase")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct Match {
    /// The argument `type`.
    #[schemars(description = "")]
    pub r#type: String,
    /// The argument `final`.
    #[schemars(description = "")]
    #[serde(default = "Match::__default_final")]
    pub r#final: bool,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Match {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        pub fn new(r#type: impl __private::IntoField<String>) -> Self {
            Self {
                r#type: __private::IntoField::into_field(r#type),
                r#final: Self::__default_final(),
            }
        }
        /// Sets `final`, which is `false` otherwise.
        #[must_use]
        pub fn r#final(mut self, r#final: impl __private::IntoField<bool>) -> Self {
            self.r#final = __private::IntoField::into_field(r#final);
            self
        }
        fn __default_final() -> bool {
            false
        }
    }
    impl __private::Job for Match {
        const ID: &'static str = "match";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .sensitive(&["type"])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = r#match(payload.r#type, payload.r#final).await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(Match);
};
