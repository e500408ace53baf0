// `derive` takes a list in parentheses.

use jobs::{JobError, job};

#[job(id = "mail.send", derive = Debug)]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}
