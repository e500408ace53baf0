// Only fields of the payload are described.

use jobs::{JobContext, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(#[sensitive] ctx: &JobContext) -> Result<(), JobError> {
    ctx.check()
}

fn main() {}
