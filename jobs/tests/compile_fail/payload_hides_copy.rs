// The payload of `fn copy` would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn copy(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
