// A resource is taken by shared reference.

use jobs::{JobError, job};

struct Outbox;

#[job(id = "mail.send")]
async fn send_mail(outbox: &mut Outbox) -> Result<(), JobError> {
    let _ = outbox;
    Ok(())
}

fn main() {}
