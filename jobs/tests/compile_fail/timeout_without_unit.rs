// A timeout has a unit.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = 300)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
