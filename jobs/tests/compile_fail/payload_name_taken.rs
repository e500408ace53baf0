// A struct of the module has the payload's name.

use jobs::{JobError, job};

struct SendMail;

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}

// Errors: 4.
