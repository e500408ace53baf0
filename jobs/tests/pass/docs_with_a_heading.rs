//! A heading is the label.

use jobs::{Catalogue, JobError, job};

/// # Sends a letter.
///
/// By post.
#[job(id = "pass.docs-with-a-heading")]
async fn letter(#[doc(hidden)] to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.docs-with-a-heading")
        .unwrap()
        .clone();
    assert_eq!(job.descriptor().label, "Sends a letter");
}
