// A field has one default.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(default)] #[default(3)] copies: u32) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
