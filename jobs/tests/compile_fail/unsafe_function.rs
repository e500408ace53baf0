// A handler is neither `unsafe` nor `extern`.

use jobs::{JobError, job};

#[job(id = "mail.send")]
unsafe extern "C" fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
