// The attribute twice is two payloads of one name, which collide like any two items.

use jobs::{JobError, job};

#[job(id = "mail.send-again")]
#[job(id = "mail.send-twice")]
async fn send_twice() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
