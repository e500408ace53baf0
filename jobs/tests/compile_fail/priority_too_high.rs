// A priority is at most 100.

use jobs::{JobError, job};

#[job(id = "mail.send", priority = 101)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
