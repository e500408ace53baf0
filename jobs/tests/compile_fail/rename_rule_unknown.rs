// `rename_all` is one of serde's rules.

use jobs::{JobError, job};

#[job(id = "mail.send", rename_all = "camel_case")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
