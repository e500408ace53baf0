// Tags are a list, also a single one.

use jobs::{JobError, job};

#[job(id = "mail.send", tags = "mail")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
