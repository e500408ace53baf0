// A reference needs no name for its lifetime.

use jobs::{JobError, job};

struct Outbox;

#[job(id = "mail.send")]
async fn send_mail<'a>(outbox: &'a Outbox) -> Result<(), JobError> {
    let _ = outbox;
    Ok(())
}

fn main() {}
