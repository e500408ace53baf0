// Field attributes belong on by-value arguments.

use jobs::{JobContext, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[sensitive] ctx: &JobContext) -> Result<(), JobError> {
    ctx.check()
}

fn main() {}
