// The period of `unique` is a text.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (within = 10m))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
