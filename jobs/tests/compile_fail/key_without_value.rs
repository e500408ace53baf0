// A key that needs a value says how it is written.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
