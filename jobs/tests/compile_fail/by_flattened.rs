// A key looks its fields up in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (by = ["more"]))]
async fn send_mail(#[serde(flatten)] more: std::collections::BTreeMap<String, String>) -> Result<(), JobError> {
    let _ = more;
    Ok(())
}

fn main() {}
