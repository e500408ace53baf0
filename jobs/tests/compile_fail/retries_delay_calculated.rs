// A delay is not calculated.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [60 * 5])]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
