// serde calls the key `deny_unknown_fields`.

use jobs::{JobError, job};

#[job(id = "mail.send", deny_unknown_fields)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
