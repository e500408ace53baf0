// An external job is handed nothing by reference.

use jobs::{JobContext, JobError, job};

#[job(id = "mail.send")]
async fn send_mail(ctx: &JobContext, to: String) -> Result<(), JobError>;

fn main() {}
