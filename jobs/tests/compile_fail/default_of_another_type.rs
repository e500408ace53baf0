// A default has the type of its argument.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[default(1.5)] copies: u8) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
