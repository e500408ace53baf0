// Attributes of arguments are known ones.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[sensetive] to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
