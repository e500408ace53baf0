// `live` names statuses that are not final.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (live = ["pending", "runing", "done"]))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
