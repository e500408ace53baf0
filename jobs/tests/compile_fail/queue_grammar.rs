// A queue has the grammar of an id.

use jobs::{JobError, job};

#[job(id = "mail.send", queue = "Mail Queue")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
