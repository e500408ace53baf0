// An optional argument has a setter.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(new: Option<u8>) -> Result<(), JobError> {
    let _ = new;
    Ok(())
}

fn main() {}
