// An id is a text.

use jobs::{JobError, job};

#[job(id = 5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
