// A duration is numbers with units.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "5 minutes")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
