// The result implements the three traits.

use jobs::{JobError, job};

struct Receipt;

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<Receipt, JobError> {
    drop(to);
    Ok(Receipt)
}

fn main() {}
