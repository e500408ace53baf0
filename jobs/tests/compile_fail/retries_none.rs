// The number of no retries is `0`.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = none)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
