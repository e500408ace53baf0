::core::compile_error! {
    "unknown key `lazy`\nexpected `crate` or nothing"
}

::core::compile_error! {
    "a resource function borrows other resources, by reference: take `&T`, or read the configuration in the body"
}

async fn workspace_db(url: String) -> Result<WorkspaceDb, sqlx::Error> {
    WorkspaceDb::open(&url).await
}
