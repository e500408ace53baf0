// The future of a handler is `Send`.

use jobs::{JobError, job};

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), JobError> {
    let to = std::rc::Rc::new(to);
    std::future::ready(()).await;
    drop(to);
    Ok(())
}

fn main() {}
