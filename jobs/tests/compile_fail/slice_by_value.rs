// A list is owned.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: [u8]) -> Result<(), JobError> {
    Ok(())
}

fn main() {}
