// `#[job]` is for functions.

use jobs::{job};

#[job(id = "mail.send")]
struct SendMail;

fn main() {}
