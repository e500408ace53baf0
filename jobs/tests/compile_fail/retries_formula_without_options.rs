// `exponential` needs its options.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
