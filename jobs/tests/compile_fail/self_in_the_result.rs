// A result has a name.

use jobs::{JobError, job};

struct Outbox;

impl Outbox {
    #[job(id = "mail.send")]
    async fn send_mail(to: String) -> Result<Self, JobError> {
        let _ = to;
        Ok(Outbox)
    }
}

fn main() {}
