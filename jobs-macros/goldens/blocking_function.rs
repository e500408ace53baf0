/// Hashes a file.
pub fn hash_file(ctx: &JobContext, path: PathBuf) -> Result<Digest, JobError> {
    ctx.check()?;
    hash(&path)
}

/// Hashes a file.
///
/// The payload of the job `files.hash`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct HashFile {
    /// The argument `path`.
    #[schemars(description = "")]
    pub path: PathBuf,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl HashFile {
        /// A payload of these fields.
        #[must_use]
        pub fn new(path: impl __private::IntoField<PathBuf>) -> Self {
            Self {
                path: __private::IntoField::into_field(path),
            }
        }
    }
    impl __private::Job for HashFile {
        const ID: &'static str = "files.hash";
        type Output = __private::OutputOf<Result<Digest, JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Hashes a file.")
            .resources(&[__private::ResourceRequest::of::<JobContext>()])
            .handler(
                __private::Handler::Blocking(|call| {
                    let (context, payload) = __private::begin_attempt::<Self>(call)?;
                    let result = hash_file(
                        __private::borrow_argument::<JobContext>(&context)?,
                        payload.path,
                    );
                    __private::finish_attempt::<
                        Self,
                    >(__private::HandlerReturn::into_result(result))
                }),
            );
    }
    __private::submit!(HashFile);
};
