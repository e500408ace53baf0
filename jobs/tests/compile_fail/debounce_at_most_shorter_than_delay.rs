// `at_most` is longer than the delay.

use jobs::{JobError, job};

#[job(id = "mail.send", debounce = ("5m", at_most = "30s"))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
