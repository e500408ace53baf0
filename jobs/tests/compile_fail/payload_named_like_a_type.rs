// The payload's name differs from the types of the signature.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Order {}

#[job(id = "orders.process")]
async fn order(#[payload] order: Order) -> Result<(), JobError> {
    drop(order);
    Ok(())
}

fn main() {}
