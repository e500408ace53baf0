// A field has a size.

use jobs::{JobError, job};

trait Outbox {}

#[job(id = "mail.send")]
async fn send_mail(outbox: dyn Outbox) -> Result<(), JobError> {
    Ok(())
}

fn main() {}
