// A handler has a return type.

use jobs::{job};

#[job(id = "mail.send")]
async fn send_mail(to: String) {
    drop(to);
}

fn main() {}
