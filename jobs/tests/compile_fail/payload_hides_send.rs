// The payload of `fn send` would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
