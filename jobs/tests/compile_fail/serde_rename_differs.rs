// A field has one name in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(rename(serialize = "to", deserialize = "recipient"))] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
