// The function returns JSON, not the payload struct.

use jobs::{JobError, job};
use serde_json::Value;

fn older(payload: Value) -> SendMail {
    SendMail::new(payload.to_string())
}

#[job(id = "mail.send", upcast = older)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
