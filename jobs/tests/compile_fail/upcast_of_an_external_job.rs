// The workers of an external job convert what they read.

use jobs::{JobError, job};
use serde_json::Value;

fn older(payload: Value) -> Value {
    payload
}

#[job(id = "mail.send", upcast = older)]
async fn send_mail(to: String) -> Result<(), JobError>;

fn main() {
    older(Value::Null);
}
