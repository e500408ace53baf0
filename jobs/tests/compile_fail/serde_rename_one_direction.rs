// A field is renamed in both directions.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[serde(rename(deserialize = "recipient"))] to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
