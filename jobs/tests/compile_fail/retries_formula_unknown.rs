// `exponential` is the only formula.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponentail(base = "10s", count = 3))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
