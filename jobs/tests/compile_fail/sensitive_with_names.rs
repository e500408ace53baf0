// An argument is one field: it is hidden as a whole.

use jobs::{JobError, job};

#[job(id = "sign-in")]
async fn sign_in(#[sensitive("password")] password: String) -> Result<(), JobError> {
    drop(password);
    Ok(())
}

fn main() {}
