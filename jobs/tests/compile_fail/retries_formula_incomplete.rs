// The formula has a base and a count.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(factor = 2))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
