// The payload has a name of its own.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Order {}

#[job(id = "orders.process")]
async fn order(#[payload] order: Order) -> Result<(), JobError> {
    drop(order);
    Ok(())
}

fn main() {}
