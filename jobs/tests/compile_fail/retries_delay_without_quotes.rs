// A delay with a unit is a text.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [5m, 1h])]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
