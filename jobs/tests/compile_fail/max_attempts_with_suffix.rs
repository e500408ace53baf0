// A number of attempts has no unit.

use jobs::{JobError, job};

#[job(id = "mail.send", max_attempts = 3x)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
