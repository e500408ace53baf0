// A job has one whole payload.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Mail {}

#[job(id = "mail.send")]
async fn send_mail(#[payload] mail: Mail, #[payload] other: Mail) -> Result<(), JobError> {
    drop((mail, other));
    Ok(())
}

fn main() {}
