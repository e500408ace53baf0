// A resource is borrowed as it is.

use jobs::{JobError, job};

use std::sync::Arc;

struct Outbox;

#[job(id = "mail.send")]
async fn send_mail(outbox: &Arc<Outbox>) -> Result<(), JobError> {
    let _ = outbox;
    Ok(())
}

fn main() {}
