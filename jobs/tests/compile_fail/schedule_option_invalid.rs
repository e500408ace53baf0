// Every option of a schedule is checked.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = ("0 3 * * *", catch_up = "once", overlaps = "skip"))]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}

// Errors: 2.
