// A default is an expression in parentheses.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[default] copies: u8) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
