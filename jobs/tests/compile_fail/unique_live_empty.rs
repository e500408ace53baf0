// `live` names at least one status.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (live = []))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
