// A number in a list is in seconds, and at most a year.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = [30000, 60000000])]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
