// A text is owned.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: str) -> Result<(), JobError> {
    Ok(())
}

fn main() {}
