// A number is data.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(copies: &u32) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
