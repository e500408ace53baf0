// The type of a whole payload implements the three traits.

use jobs::{JobError, job};

struct Order;

#[job(id = "orders.process")]
async fn process_order(#[payload] order: Order) -> Result<(), JobError> {
    drop(order);
    Ok(())
}

fn main() {}
