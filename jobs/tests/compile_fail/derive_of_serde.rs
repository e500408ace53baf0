// Every payload derives the traits of serde.

use jobs::{JobError, job};

#[job(id = "mail.send", derive(Debug, serde::Serialize))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
