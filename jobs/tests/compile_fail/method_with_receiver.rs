// A handler is a free function.

use jobs::{JobError, job};

struct Mailer;

impl Mailer {
    #[job(id = "mail.send")]
    async fn send_mail(&self, to: String) -> Result<(), JobError> {
        drop(to);
        Ok(())
    }
}

fn main() {}
