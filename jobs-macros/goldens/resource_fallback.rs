::core::compile_error! {
    "unknown key `lazy`\nexpected `crate` or nothing"
}

::core::compile_error! {
    "a resource is built without arguments: read its configuration in the body"
}

async fn workspace_db(url: String) -> Result<WorkspaceDb, sqlx::Error> {
    WorkspaceDb::open(&url).await
}
