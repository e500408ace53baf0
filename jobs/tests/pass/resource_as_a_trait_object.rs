//! A resource behind a trait, and a resource that borrows it.

use jobs::{JobError, job};

use std::sync::Arc;

use jobs::resource;

trait Clock: Send + Sync {
    fn hour(&self) -> u8;
}

struct Noon;

impl Clock for Noon {
    fn hour(&self) -> u8 {
        12
    }
}

struct Greeting(&'static str);

#[resource]
fn clock() -> Arc<dyn Clock> {
    Arc::new(Noon)
}

#[resource]
fn greeting(clock: &dyn Clock) -> Greeting {
    Greeting(if clock.hour() < 12 {
        "good morning"
    } else {
        "good day"
    })
}

#[job(id = "pass.resource-as-a-trait-object")]
async fn greet(greeting: &Greeting) -> Result<String, JobError> {
    Ok(greeting.0.to_owned())
}

pub(crate) fn main() {}
