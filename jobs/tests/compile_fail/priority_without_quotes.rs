// A priority in words has quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", priority = high)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
