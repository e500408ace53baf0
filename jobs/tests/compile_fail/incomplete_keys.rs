// An incomplete key hides no other mistake, and the payload can still be used.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = , queue "mail", 5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn payload() -> SendMail {
    SendMail::new("alice")
}

fn main() {}

// Errors: 3.
