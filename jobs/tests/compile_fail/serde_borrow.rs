// A payload owns its data.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(borrow)] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
