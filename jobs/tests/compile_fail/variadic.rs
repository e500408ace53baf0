// A handler has a fixed number of arguments.

use jobs::{JobError, job};

#[job(id = "mail.send")]
unsafe extern "C" fn send_mail(to: String, rest: ...) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 3.
