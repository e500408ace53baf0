// The context is taken by reference.

use jobs::{JobContext, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(ctx: JobContext) -> Result<(), JobError> {
    ctx.check()
}

fn main() {}
