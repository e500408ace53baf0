// A duration has the units of the grammar.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "5 minutes")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
