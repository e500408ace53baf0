// A priority in numbers has no quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", priority = "70")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
