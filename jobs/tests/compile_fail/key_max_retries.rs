// Another framework has the key `max_retries`.

use jobs::{JobError, job};

#[job(id = "mail.send", max_retries = 3)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
