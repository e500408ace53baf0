// An alias has the grammar of an id.

use jobs::{JobError, job};

#[job(id = "mail.send", aliases = ["mail/send"])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
