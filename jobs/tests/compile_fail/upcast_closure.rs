// The key takes a function by its name.

use jobs::{JobError, job};

#[job(id = "mail.send", upcast = |payload| payload)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
