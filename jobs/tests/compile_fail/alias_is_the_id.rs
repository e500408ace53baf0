// An alias differs from the job's id.

use jobs::{JobError, job};

#[job(id = "mail.send", aliases = ["mail.send"])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
