//! A boxed error that is `Send + Sync`.

use jobs::{JobError, job};

#[job(id = "pass.boxed-error")]
async fn note() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Ok(())
}

pub(crate) fn main() {
    let _: Note = Note::new();
    let _: Option<JobError> = None;
}
