// A duration is not negative.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = -5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
