// The path of the crate is no text.

use jobs::{JobError, job};

#[job(id = "mail.send", crate = "jobs")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
