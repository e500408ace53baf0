// `max_concurrent` is a number.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = "5")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
