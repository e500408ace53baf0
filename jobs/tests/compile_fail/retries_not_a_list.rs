// A single delay is written as a list.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = "30s")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
