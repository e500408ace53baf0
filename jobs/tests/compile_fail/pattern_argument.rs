// An argument is a plain name.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail((to, copies): (String, u8)) -> Result<(), JobError> {
    let _ = (to, copies);
    Ok(())
}

fn main() {}
