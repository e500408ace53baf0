// A schedule has no field for the year.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "0 0 3 * * * 2030")]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
