// A number of attempts is positive.

use jobs::{JobError, job};

#[job(id = "mail.send", max_attempts = -1)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
