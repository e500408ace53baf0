// A handler that waits is an `async fn`.

use jobs::{JobError, job};

#[job(id = "mail.send")]
fn send_mail(to: String) -> impl Future<Output = Result<(), JobError>> {
    let _ = to;
    std::future::ready(Ok(()))
}

fn main() {}
