// A key is written once.

use jobs::{JobError, job};

#[job(id = "mail.send", queue = "a", queue = "b")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
