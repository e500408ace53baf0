// `live` names each status once.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (live = ["queued", "queued"]))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
