//! A sensitive field is hidden by every name.

use jobs::{Catalogue, JobError, job};

#[job(id = "pass.alias-of-a-sensitive-field")]
async fn sign_in(
    #[sensitive]
    #[serde(alias = "pwd")]
    password: String,
) -> Result<(), JobError> {
    drop(password);
    Ok(())
}

pub(crate) fn main() {
    let jobs = Catalogue::linked().unwrap();
    let job = jobs.get("pass.alias-of-a-sensitive-field").unwrap();
    assert_eq!(job.descriptor().sensitive, ["password", "pwd"]);
}
