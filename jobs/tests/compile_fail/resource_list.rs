// A list is data.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: &Vec<String>) -> Result<(), JobError> {
    let _ = to;
    Ok(())
}

fn main() {}
