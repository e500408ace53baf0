// A delay has a known form.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [30, "1 hour"])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
