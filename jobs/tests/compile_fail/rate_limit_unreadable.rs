// A rate is a number of starts per period.

use jobs::{JobError, job};

#[job(id = "mail.send", rate_limit = "60/minute")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
