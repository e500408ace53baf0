// To be put off needs a time.

use jobs::{JobError, job};

#[job(id = "mail.send", debounce = (by = ["to"]))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
