//! An existing type as the payload, with a key that names its field.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Order {
    customer_id: u64,
    #[serde(default)]
    items: Vec<String>,
}

#[job(id = "pass.whole-payload", max_concurrent = (1, per = "customerId"))]
async fn process(#[payload] order: Order) -> Result<u64, JobError> {
    Ok(order.customer_id + order.items.len() as u64)
}

pub(crate) fn main() {
    assert!(Catalogue::linked().is_ok());
}
