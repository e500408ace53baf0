// An attribute on an argument is one of a known list.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[sensetive] to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
