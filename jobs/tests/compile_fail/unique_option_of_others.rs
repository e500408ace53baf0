// Another framework names the fields of a key otherwise.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (fields = ["to"]))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
