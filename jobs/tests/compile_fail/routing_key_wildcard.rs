// A routing key has no wildcards.

use jobs::{JobError, job};

#[job(id = "mail.send", routing_key = "jobs.mail.*")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
