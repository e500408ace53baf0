// `max_concurrent` is at least 1.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = 0)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
