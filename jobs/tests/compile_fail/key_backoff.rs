// Another framework has the key `backoff`.

use jobs::{JobError, job};

#[job(id = "mail.send", backoff = "30s")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
