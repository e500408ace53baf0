// Another framework has the key `ttl`.

use jobs::{JobError, job};

#[job(id = "mail.send", ttl = "1h")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
