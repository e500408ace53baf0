const _: () = {
    ::jobs::__private::assert_payload_field::<Uuid>();
    ::jobs::__private::assert_payload_field::<MeshFormat>();
};

/// Converts a STEP file to STL. Executed by the Python CAD workers.
///
/// The payload of the job `cad.conversion.process`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    bound = "for<'x> Uuid: ::jobs::__private::PayloadBound<'x>, for<'x> MeshFormat: ::jobs::__private::PayloadBound<'x>"
)]
pub struct ConvertCad {
    /// The argument `file_id`.
    pub file_id: Uuid,
    /// The argument `format`.
    pub format: MeshFormat,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl ConvertCad {
        /// A payload of these fields.
        #[must_use]
        pub fn new(
            file_id: impl __private::IntoField<Uuid>,
            format: impl __private::IntoField<MeshFormat>,
        ) -> Self {
            Self {
                file_id: __private::IntoField::into_field(file_id),
                format: __private::IntoField::into_field(format),
            }
        }
    }
    /// Converts a STEP file to STL. Executed by the Python CAD workers.
    ///
    /// The payload of the job `cad.conversion.process`.
    #[derive(__private::JsonSchema)]
    #[schemars(crate = "::jobs::__private::schemars", rename = "ConvertCad")]
    #[allow(dead_code)]
    struct __Described
    where
        for<'x> Uuid: __private::PayloadBound<'x>,
        for<'x> MeshFormat: __private::PayloadBound<'x>,
    {
        file_id: Uuid,
        format: MeshFormat,
    }
    impl __private::JsonSchema for ConvertCad
    where
        for<'x> Uuid: __private::PayloadBound<'x>,
        for<'x> MeshFormat: __private::PayloadBound<'x>,
    {
        __private::describe_as!(__Described);
    }
    impl __private::Job for ConvertCad
    where
        for<'x> Uuid: __private::PayloadBound<'x>,
        for<'x> MeshFormat: __private::PayloadBound<'x>,
    {
        const ID: &'static str = "cad.conversion.process";
        type Output = __private::OutputOf<Result<Converted, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Converts a STEP file to STL. Executed by the Python CAD workers.")
            .timeout(__private::Option::Some(__private::Duration::from_secs(600)))
            .retries(
                __private::RetryPolicy::new(
                    3,
                    &[
                        __private::Duration::from_secs(60),
                        __private::Duration::from_secs(120),
                    ],
                ),
            );
    }
    __private::submit_bounded!(ConvertCad);
};
