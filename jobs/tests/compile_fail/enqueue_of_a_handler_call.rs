// `enqueue` takes a payload, not the future of a handler.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

async fn enqueue(jobs: jobs::Client) {
    let _ = jobs.enqueue(send_mail("a".to_owned())).await;
}

fn main() {}
