// A key that is being typed hides nothing else.

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
