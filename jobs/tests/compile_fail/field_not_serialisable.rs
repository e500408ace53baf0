// A payload field implements the three traits.

use jobs::{JobError, job};

struct Address;

#[job(id = "mail.send")]
async fn send_mail(to: Address) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
