// A setter is not named `new`.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[default(true)] new: bool) -> Result<(), JobError> {
    let _ = new;
    Ok(())
}

fn main() {}
