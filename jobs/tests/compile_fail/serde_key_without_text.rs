// The value of a serde key is a text.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(rename = 3)] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
