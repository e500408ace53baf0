// An id is data.

use jobs::{JobError, job};

use uuid::Uuid;

#[job(id = "mail.send")]
async fn send_mail(message: &Uuid) -> Result<(), JobError> {
    let _ = message;
    Ok(())
}

fn main() {}
