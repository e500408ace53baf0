// `expires` is a duration with a unit.

use jobs::{JobError, job};

#[job(id = "mail.send", expires = 60)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
