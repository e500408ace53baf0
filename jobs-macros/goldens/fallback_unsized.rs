::core::compile_error! {
    "a payload is stored as JSON, and a `dyn` type has no size: take a resource as `outbox: &dyn Outbox`, or a field of one type"
}

::core::compile_error! {
    "unknown key `renam` of `#[serde]`, did you mean `rename`?\nexpected one of `alias`, `bound`, `default`, `deserialize_with`, `flatten`, `rename`, `serialize_with`, `skip_serializing_if`, `with`"
}

#[allow(unused)]
async fn send_mail(outbox: &dyn Outbox, to: String) -> Result<(), JobError> {
    ::core::unimplemented!()
}

/// The payload of a job with a mistake.
#[derive(Debug)]
struct SendMail {
    to: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl SendMail {
        /// A payload of these fields.
        #[must_use]
        fn new(to: impl __private::IntoField<String>) -> Self {
            Self {
                to: __private::IntoField::into_field(to),
            }
        }
    }
    __private::placeholder!(SendMail);
    impl __private::Job for SendMail {
        const ID: &'static str = "";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self);
    }
};
