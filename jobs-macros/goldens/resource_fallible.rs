/// The members' database.
async fn workspace_db() -> Result<WorkspaceDb, sqlx::Error> {
    WorkspaceDb::open().await
}

const _: () = {
    use ::jobs::__private;
    __private::inventory::submit! {
        __private::ResourceDefinition::new:: < __private::ResourceOf < Result <
        WorkspaceDb, sqlx::Error > > > (__private::source!(), || {
        __private::build_resource(async { let resource =
        __private::ResourceReturn::into_result(workspace_db(). await) ?;
        __private::Result::Ok(__private::Arc::new(resource)) }) })
    }
};
