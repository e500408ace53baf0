// Every key of `exponential` is checked.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(base = "10", facter = 2, jitter = 7, count = 3))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 3.
