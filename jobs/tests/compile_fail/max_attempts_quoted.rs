// A number of attempts has no quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", max_attempts = "3")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
