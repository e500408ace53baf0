// A setter hides no function of the payload.

use jobs::{JobError, job};

#[job(id = "mail.send", derive(Default))]
async fn send_mail(default: Option<u8>) -> Result<(), JobError> {
    let _ = default;
    Ok(())
}

fn main() {}
