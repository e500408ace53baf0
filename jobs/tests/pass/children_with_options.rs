//! Children of one batch with options of their own.

use jobs::{JobContext, JobError, Priority, job};

#[job(id = "pass.charge-children-with-options")]
async fn charge(order: u64) -> Result<u64, JobError> {
    Ok(order)
}

#[job(id = "pass.mail-children-with-options")]
async fn mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

#[job(id = "pass.parent-children-with-options")]
async fn parent(ctx: &JobContext) -> Result<(), JobError> {
    let urgent = ctx.enqueue(Charge::new(1_u64)).priority(Priority::Critical);
    let plain = ctx.enqueue(Charge::new(2_u64));
    ctx.enqueue_all([urgent, plain]).await?;
    ctx.enqueue_all(["a", "b"].map(Mail::new)).await?;
    Ok(())
}

pub(crate) fn main() {}
