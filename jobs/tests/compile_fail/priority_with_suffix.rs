// A priority has no suffix.

use jobs::{JobError, job};

#[job(id = "mail.send", priority = 70u8)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
