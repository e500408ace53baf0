// No retries are written `0`.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
