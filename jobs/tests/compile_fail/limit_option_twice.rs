// An option is given once.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (within = "10m", within = "20m"))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
