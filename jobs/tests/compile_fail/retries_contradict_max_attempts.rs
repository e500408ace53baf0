// `retries` and `max_attempts` agree.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = 5, max_attempts = 3)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
