// A default and an alias would both be read.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(alias = "count")] #[default(1)] copies: u32) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
