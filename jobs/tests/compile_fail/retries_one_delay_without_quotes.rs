// One delay is a list of one text.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = 5m)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
