// A job that accepts nothing is switched off.

use jobs::{JobError, job};

#[job(id = "mail.send", max_waiting = 0)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
