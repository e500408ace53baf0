// A setter hides no method of the payload.

use jobs::{JobError, job};

#[job(id = "mail.send", derive(Clone))]
async fn send_mail(#[default(1)] clone: u8) -> Result<(), JobError> {
    let _ = clone;
    Ok(())
}

fn main() {}
