// A heading is the label.

use jobs::{Catalogue, JobError, job};

/// # Sends a letter.
///
/// By post.
#[job(id = "pass.job")]
async fn letter(#[doc(hidden)] to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.job")
        .unwrap()
        .clone();
    assert_eq!(job.descriptor().label, "Sends a letter");
}
