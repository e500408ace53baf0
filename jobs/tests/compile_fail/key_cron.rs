// Another framework has the key `cron`.

use jobs::{JobError, job};

#[job(id = "mail.send", cron = "0 3 * * *")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
