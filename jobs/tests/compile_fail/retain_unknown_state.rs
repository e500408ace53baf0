// `retain` names final statuses.

use jobs::{JobError, job};

#[job(id = "mail.send", retain = (success = "1d", failed = "90"))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
