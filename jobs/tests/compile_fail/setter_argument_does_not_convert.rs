// A setter's argument converts into the field's type.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[default(1)] copies: u8) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn payload() -> SendMail {
    SendMail::new().copies("two")
}

fn main() {}
