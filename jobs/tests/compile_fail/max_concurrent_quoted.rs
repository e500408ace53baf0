// A limit has no quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = "5")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
