// All mistakes of one job are reported at once, and its payload can still be used.

use jobs::{JobError, job};

#[job(id = "Mail Send", timeout = "5 minutes", retrys = 3)]
async fn send_mail(to: &str, #[cfg(unix)] cc: String, copies: u8) -> Result<(), JobError> {
    let _ = (to, cc, copies);
    Ok(())
}

async fn enqueue(jobs: jobs::Client) {
    let _ = jobs.enqueue(SendMail::new("a", 1)).await;
}

fn main() {}

// Errors: 5.
