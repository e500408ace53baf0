// A number of retries has no unit.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(base = "10s", count = 3x))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
