// A sensitive field has a name in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[sensitive] #[serde(flatten)] more: std::collections::BTreeMap<String, String>) -> Result<(), JobError> {
    let _ = more;
    Ok(())
}

fn main() {}
