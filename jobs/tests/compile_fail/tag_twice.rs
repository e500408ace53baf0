// A tag is listed once.

use jobs::{JobError, job};

#[job(id = "mail.send", tags = ["a", "a"])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
