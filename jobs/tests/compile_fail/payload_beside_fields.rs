// A whole payload excludes other by-value arguments.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Mail {}

#[job(id = "mail.send")]
async fn send_mail(#[payload] mail: Mail, copies: u8) -> Result<(), JobError> {
    drop((mail, copies));
    Ok(())
}

fn main() {}
