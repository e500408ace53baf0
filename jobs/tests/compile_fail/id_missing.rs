// A job has an id.

use jobs::{JobError, job};

#[job(timeout = "5m")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
