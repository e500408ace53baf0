// A time zone is a name of the IANA database.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = ("0 3 * * *", timezone = "Paris"))]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
