//! A private type in a private job.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Inner {
    a: u8,
}

#[job(id = "pass.private-type-in-a-private-job")]
async fn note(inner: Inner) -> Result<u8, JobError> {
    Ok(inner.a)
}

pub(crate) fn main() {
    assert_eq!(Note::new(Inner { a: 1 }).inner.a, 1);
}
