// A limit looks its field up in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send", max_concurrent = (5, per = "more"))]
async fn send_mail(#[serde(flatten)] more: std::collections::BTreeMap<String, String>) -> Result<(), JobError> {
    let _ = more;
    Ok(())
}

fn main() {}
