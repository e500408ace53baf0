// An error leaves its thread.

use jobs::{job};

use std::error::Error;

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), Box<dyn Error>> {
    let _ = to;
    Ok(())
}

fn main() {}
