// `debounce` has a delay.

use jobs::{JobError, job};

#[job(id = "mail.send", debounce = (by = ["to"]))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
