// The schema has every field.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[schemars(skip)] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
