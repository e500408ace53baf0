// A key without a value is followed by a comma.

use jobs::{JobError, job};

#[job(id = "mail.send", deny_unknown queue = "mail")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
