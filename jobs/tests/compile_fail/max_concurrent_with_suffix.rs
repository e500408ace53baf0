// A limit has no unit.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = 5x)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
