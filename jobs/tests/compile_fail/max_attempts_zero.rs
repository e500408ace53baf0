// `max_attempts` is at least 1.

use jobs::{JobError, job};

#[job(id = "mail.send", max_attempts = 0)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
