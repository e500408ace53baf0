// A payload field has a named type.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: impl Into<String>) -> Result<(), JobError> {
    let _: String = to.into();
    Ok(())
}

fn main() {}
