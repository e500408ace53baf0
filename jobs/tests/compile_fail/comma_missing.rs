// Keys are separated by commas.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "5m" queue = "mail")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
