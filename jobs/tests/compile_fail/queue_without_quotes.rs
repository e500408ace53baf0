// The name of a queue is a text.

use jobs::{JobError, job};

#[job(id = "mail.send", queue = mail)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
