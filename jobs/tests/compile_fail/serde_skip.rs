// A skipped field would be lost.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(skip)] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
