// An unknown key is reported with a suggestion and the list of keys.

use jobs::{JobError, job};

#[job(id = "mail.send", retrys = 3)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
