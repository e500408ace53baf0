// An alias is no other field.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: String, #[serde(alias = "to")] cc: String) -> Result<(), JobError> {
    let _ = (to, cc);
    Ok(())
}

fn main() {}
