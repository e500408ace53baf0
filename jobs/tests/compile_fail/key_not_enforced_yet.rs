// A key that the runtime does not enforce is rejected.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "0 3 * * *", routing_key = "jobs.mail")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
