// The payload is the same in every build.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[cfg(unix)] to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
