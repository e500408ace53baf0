// An error says what went wrong.

use jobs::{job};

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), ()> {
    let _ = to;
    Ok(())
}

fn main() {}
