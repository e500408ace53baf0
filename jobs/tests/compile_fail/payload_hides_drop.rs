// The payload of `fn drop` would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn drop(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
