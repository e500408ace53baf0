// `by` names at least one field.

use jobs::{JobError, job};

#[job(id = "mail.send", unique = (by = [], on_conflict = "drop"))]
async fn send_mail(to: String) -> Result<(), JobError> {
    drop(to);
    Ok(())
}

fn main() {}

// Errors: 2.
