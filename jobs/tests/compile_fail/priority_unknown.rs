// A priority is a known name or a number.

use jobs::{JobError, job};

#[job(id = "mail.send", priority = "hihg")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
