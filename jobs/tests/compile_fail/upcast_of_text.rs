// The function takes the payload as a JSON value.

use jobs::{JobError, job};
use serde_json::Value;

fn older(payload: &str) -> Value {
    payload.into()
}

#[job(id = "mail.send", upcast = older)]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
