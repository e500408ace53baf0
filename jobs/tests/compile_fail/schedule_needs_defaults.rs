// A schedule has nobody to fill in what is required.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "@daily")]
async fn send_mail(to: String, subject: String, copy: Option<String>) -> Result<(), JobError> {
    drop((to, subject, copy));
    Ok(())
}

fn main() {}
