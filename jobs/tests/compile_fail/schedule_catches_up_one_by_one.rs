// Several missed times need an `overlap` with which more than the first one runs.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = ("0 3 * * *", catch_up = "all(7)"))]
async fn send_mail() -> Result<(), JobError> {
    Ok(())
}

fn main() {}
