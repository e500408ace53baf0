// Two fields have two names in JSON.

use jobs::{JobError, job};

#[job(id = "mail.send", rename_all = "camelCase")]
async fn send_mail(user_id: u8, #[allow(non_snake_case)] userId: u8) -> Result<(), JobError> {
    let _ = (user_id, userId);
    Ok(())
}

fn main() {}
