// An external job has no by-reference arguments.

use jobs::{JobContext, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(ctx: &JobContext, to: String) -> Result<(), JobError>;

fn main() {}
