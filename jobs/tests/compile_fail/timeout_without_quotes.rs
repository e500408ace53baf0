// A duration is a text: the compiler would drop the suffix of a number.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = 5m)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
