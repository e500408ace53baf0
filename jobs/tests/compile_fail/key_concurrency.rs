// Another framework has the key `concurrency`.

use jobs::{JobError, job};

#[job(id = "mail.send", concurrency = 5)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
