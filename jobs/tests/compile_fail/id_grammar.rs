// An id is in lower case; a corrected one is suggested.

use jobs::{JobError, job};

#[job(id = "Mail Send")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
