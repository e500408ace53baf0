// A schedule has no additions of other cron dialects.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "5/10 0 15W * *")]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
