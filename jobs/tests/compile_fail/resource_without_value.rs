// A resource function has a return type.

use jobs::{resource};

struct Outbox;

#[resource]
fn outbox() {
    let _ = Outbox;
}

fn main() {}
