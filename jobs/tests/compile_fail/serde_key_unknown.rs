// A misspelt key of serde is one error.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(renam = "recipient")] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
