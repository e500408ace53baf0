// The key takes a function by its name, without a call.

use jobs::{JobError, job};
use serde_json::Value;

fn older(payload: Value) -> Value {
    payload
}

#[job(id = "mail.send", upcast = older(payload))]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
