// The base of a formula is a text, or a number of seconds.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(base = 10s, count = 3))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
