// A handler is not generic.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail<T: Copy>(to: T, copies: u8) -> Result<(), JobError> {
    let _ = (to, copies);
    Ok(())
}

fn main() {}
