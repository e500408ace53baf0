// Another framework has the key `throttle`.

use jobs::{JobError, job};

#[job(id = "mail.send", throttle = "60/min")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
