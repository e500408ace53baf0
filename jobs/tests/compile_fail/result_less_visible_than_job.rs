// The result type is at least as visible as the job.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Receipt {}

#[job(id = "mail.send")]
pub async fn send_mail(to: String) -> Result<Receipt, JobError> {
    drop(to);
    Ok(Receipt {})
}

fn main() {}
