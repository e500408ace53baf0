//! A batch of several jobs.

use jobs::{Client, EnqueueError, JobError, Priority, job};

#[job(id = "pass.charge-batch-of-several-jobs")]
async fn charge(order: u64) -> Result<u64, JobError> {
    Ok(order)
}

#[job(id = "pass.mail-batch-of-several-jobs")]
async fn mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

async fn enqueue(client: &Client) -> Result<usize, EnqueueError> {
    let charge = client.enqueue(Charge::new(1_u64)).untyped();
    let mail = client
        .enqueue(Mail::new("x"))
        .priority(Priority::Low)
        .untyped();
    Ok(client.enqueue_all([charge, mail]).await?.len())
}

const _: fn(&Client) = |client| drop(enqueue(client));

pub(crate) fn main() {}
