// A payload field contains no references.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: Option<&str>) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
