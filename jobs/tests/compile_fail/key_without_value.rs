// A key without its value is reported with an example.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
