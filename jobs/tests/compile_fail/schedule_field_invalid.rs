// Every field of a schedule is checked.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "60 25 * FOO MON-FUN")]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
