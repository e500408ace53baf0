// A resource is taken by reference.

use jobs::{JobError, job};

use std::sync::Arc;

struct Outbox;

#[job(id = "mail.send")]
async fn send_mail(outbox: Arc<Outbox>) -> Result<(), JobError> {
    drop(outbox);
    Ok(())
}

fn main() {}
