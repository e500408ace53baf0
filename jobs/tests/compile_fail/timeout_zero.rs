// A timeout is greater than zero.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "0s")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
