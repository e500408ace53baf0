// The path of a function has no quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", upcast = "older")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
