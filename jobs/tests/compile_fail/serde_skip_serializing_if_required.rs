// A field that may be skipped has a default.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(skip_serializing_if = "String::is_empty")] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
