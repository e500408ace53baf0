// A handler returns a result.

use jobs::{job};

#[job(id = "mail.send")]
async fn send_mail(to: String) -> String {
    to
}

fn main() {}
