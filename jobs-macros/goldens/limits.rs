pub async fn render_doc(workspace_id: String, doc_id: String) -> Result<(), JobError> {
    Ok(())
}

/// The payload of the job `docs.render`.
#[derive(
    ::jobs::__private::Serialize,
    ::jobs::__private::Deserialize,
    ::jobs::__private::JsonSchema
)]
#[serde(crate = "::jobs::__private::serde", rename_all = "camelCase")]
#[schemars(crate = "::jobs::__private::schemars")]
pub struct RenderDoc {
    /// The argument `workspace_id`.
    #[schemars(description = "")]
    pub workspace_id: String,
    /// The argument `doc_id`.
    #[schemars(description = "")]
    pub doc_id: String,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl RenderDoc {
        /// A payload of these fields.
        #[must_use]
        pub fn new(
            workspace_id: impl __private::IntoField<String>,
            doc_id: impl __private::IntoField<String>,
        ) -> Self {
            Self {
                workspace_id: __private::IntoField::into_field(workspace_id),
                doc_id: __private::IntoField::into_field(doc_id),
            }
        }
    }
    impl __private::Job for RenderDoc {
        const ID: &'static str = "docs.render";
        type Output = __private::OutputOf<Result<(), JobError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .max_concurrent(
                __private::MaxConcurrent::new(5)
                    .per("workspaceId")
                    .weights(&[("acme", 4)]),
            )
            .rate_limit(__private::MaxRate::new(60, __private::Duration::from_secs(60)))
            .unique(
                __private::Unique::new()
                    .by(&["workspaceId", "docId"])
                    .within(__private::Duration::from_secs(600))
                    .on_conflict(__private::OnConflict::Replace)
                    .live(
                        &[
                            __private::ExecutionStatus::Pending,
                            __private::ExecutionStatus::Queued,
                        ],
                    ),
            )
            .debounce(
                __private::Debounce::new(__private::Duration::from_secs(30))
                    .by(&["workspaceId", "docId"])
                    .at_most(__private::Duration::from_secs(300)),
            )
            .max_waiting(10000)
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = render_doc(payload.workspace_id, payload.doc_id)
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(RenderDoc);
};
