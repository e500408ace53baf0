// A schedule has no seconds.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "0 0 3 * * *")]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
