// An option of `unique` is one of a known list.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (whithin = "10m"))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
