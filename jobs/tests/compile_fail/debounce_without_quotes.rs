// The delay of `debounce` is a text.

use jobs::{JobError, job};

#[job(id = "mail.send", debounce = 30s)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
