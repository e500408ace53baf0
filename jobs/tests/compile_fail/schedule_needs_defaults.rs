// The payload of a schedule has a default for every field.

use jobs::{JobError, job};

#[job(id = "mail.send", schedule = "@daily")]
async fn send_mail(to: String, subject: String, copy: Option<String>) -> Result<(), JobError> {
    drop((to, subject, copy));
    Ok(())
}

fn main() {}
