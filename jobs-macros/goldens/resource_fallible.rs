/// The members' database.
async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> {
    WorkspaceDb::open().await
}

const _: () = {
    use ::jobs::__private;
    const __RESOURCE: __private::ResourceDefinition = __private::ResourceDefinition::new::<
        __private::ResourceOf<Result<WorkspaceDb, sqlx::Error>>,
    >(
        __private::source!(),
        |_| {
            __private::build_resource(async {
                let resource = __private::ResourceReturn::into_result(
                        workspace_db().await,
                    )
                    .map_err(__private::resource_error)?;
                __private::Result::Ok(__private::Arc::new(resource))
            })
        },
    );
    __private::inventory::submit!(__RESOURCE);
};
