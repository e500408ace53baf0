// A resource function names the type of its resource.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() -> impl Send {
    Outbox
}

fn main() {}
