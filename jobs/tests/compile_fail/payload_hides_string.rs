// The payload of `fn string` would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn string(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
