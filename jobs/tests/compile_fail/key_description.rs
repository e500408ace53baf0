// Another framework has the key `description`.

use jobs::{JobError, job};

#[job(id = "mail.send", description = "Sends mail.")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
