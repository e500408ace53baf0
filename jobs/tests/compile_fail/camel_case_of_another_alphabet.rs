// serde converts names that begin in ASCII.

use jobs::{JobError, job};

#[job(id = "mail.send", rename_all = "camelCase")]
async fn send_mail(größe: u8, übergröße: u8) -> Result<(), JobError> {
    let _ = (größe, übergröße);
    Ok(())
}

fn main() {}
