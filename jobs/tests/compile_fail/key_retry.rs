// Another framework has the key `retry`.

use jobs::{JobError, job};

#[job(id = "mail.send", retry = 3)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
