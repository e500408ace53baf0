// A delay is not negative.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [-30])]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
