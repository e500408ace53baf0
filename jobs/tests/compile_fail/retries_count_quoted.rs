// A number of retries has no quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = "3")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
