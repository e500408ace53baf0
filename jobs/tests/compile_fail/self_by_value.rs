// A handler is outside of any `impl`.

use jobs::{JobError, job};

struct Outbox;

impl Outbox {
    #[job(id = "mail.send")]
    async fn send_mail(this: Self, to: String) -> Result<(), JobError> {
        let _ = (this, to);
        Ok(())
    }
}

fn main() {}
