// A resource is always there.

use jobs::{JobError, job};

struct Outbox;

#[job(id = "mail.send")]
async fn send_mail(outbox: Option<&Outbox>) -> Result<(), JobError> {
    let _ = outbox;
    Ok(())
}

fn main() {}
