// A key has one value.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "5m" "6m")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
