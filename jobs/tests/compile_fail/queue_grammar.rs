// A queue has a name like an id.

use jobs::{JobError, job};

#[job(id = "mail.send", queue = "Mail Queue")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
