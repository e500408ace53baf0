// An attribute holds no calculation.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = 60 * 5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
