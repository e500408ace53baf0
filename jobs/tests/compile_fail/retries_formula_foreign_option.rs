// Another framework calls the base of a formula otherwise.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(initial = "10s", count = 3))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
