// A key that the runtime does not enforce is rejected.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "0 3 * * *", expires = "1h")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
