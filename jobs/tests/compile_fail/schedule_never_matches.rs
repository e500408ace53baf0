// A schedule matches some day.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "0 0 30 2 *")]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
