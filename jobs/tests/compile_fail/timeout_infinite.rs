// The word for no timeout is `"none"`.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = "infinite")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
