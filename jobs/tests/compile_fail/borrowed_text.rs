// A text in the payload is owned.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: &str, copies: &[u8]) -> Result<(), JobError> {
    let _ = (to, copies);
    Ok(())
}

fn main() {}

// Errors: 2.
