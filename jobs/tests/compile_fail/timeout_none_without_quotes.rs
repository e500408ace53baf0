// The word for no timeout has quotes.

use jobs::{JobError, job};

#[job(id = "mail.send", timeout = None)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
