// A fraction of a second is a duration with a unit.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = 1.5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
