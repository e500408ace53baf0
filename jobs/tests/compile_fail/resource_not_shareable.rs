// The resource of a handler is `Send + Sync`.

use jobs::{JobError, job};

struct Outbox(std::cell::Cell<u8>);

#[job(id = "mail.send")]
async fn send_mail(outbox: &Outbox) -> Result<(), JobError> {
    let _ = outbox;
    Ok(())
}

fn main() {}
