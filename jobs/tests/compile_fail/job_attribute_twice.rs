// Two attributes on one function generate two payloads of the same name.

use jobs::{JobError, job};

#[job(id = "mail.send-again")]
#[job(id = "mail.send-twice")]
async fn send_twice() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
