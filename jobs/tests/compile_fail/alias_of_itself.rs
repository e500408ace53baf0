// An alias is another name.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(alias = "to")] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
