// `exponential` has `base` and `count`.

use jobs::{JobError, job};

#[job(id = "mail.send", retries = exponential(factor = 2))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
