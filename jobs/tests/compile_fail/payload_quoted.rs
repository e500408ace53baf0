// The name of the payload is no text.

use jobs::{JobError, job};

#[job(id = "mail.send", payload = "Mail")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
