// The payload of `fn sync` would hide a name of the prelude.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn sync(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
