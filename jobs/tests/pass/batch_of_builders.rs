//! A batch whose items have options of their own.

use jobs::{Client, EnqueueError, Execution, JobError, Priority, job};

#[job(id = "pass.charge-batch-of-builders")]
async fn charge(order: u64) -> Result<u64, JobError> {
    Ok(order)
}

#[job(id = "pass.mail-batch-of-builders")]
async fn mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

async fn enqueue(client: &Client) -> Result<Vec<Execution<u64>>, EnqueueError> {
    let _ = Mail::new("x");
    let one = client.enqueue(Charge::new(1_u64)).priority(Priority::High);
    let other = client
        .enqueue(Charge::new(2_u64))
        .idempotency_key("order-2");
    client.enqueue_all([one, other]).tag("shop").await
}

const _: fn(&Client) = |client| drop(enqueue(client));

pub(crate) fn main() {}
