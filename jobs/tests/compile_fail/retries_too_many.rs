// There are at most 999 retries.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = 100000)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
