// A limit of waiting executions has no unit.

use jobs::{JobError, job};

#[job(id = "mail.send", max_waiting = 10k)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
