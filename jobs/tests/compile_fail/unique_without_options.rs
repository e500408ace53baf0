// `unique` takes options, not a value.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = "to")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
