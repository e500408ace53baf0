// What is not enforced is refused.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = 5, rate_limit = "60/min", schedule = "0 3 * * *")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
