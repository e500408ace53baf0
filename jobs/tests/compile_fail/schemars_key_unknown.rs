// A misspelt key of schemars is one error.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[schemars(emial)] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
