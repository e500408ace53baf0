//! Names of arguments that are keywords, or no names without their underscore.

use jobs::{Job as _, JobError, job};

#[allow(clippy::just_underscores_and_digits)]
#[job(id = "pass.keywords", unique = (by = ["_1", "_self"]))]
async fn numbers(_1: u8, _self: u8, _type: u8, _gen: u8) -> Result<(), JobError> {
    Ok(())
}

pub(crate) fn main() {
    let numbers = Numbers::new(1, 2, 3, 4);
    assert_eq!((numbers._1, numbers._self), (1, 2));
    assert_eq!((numbers.r#type, numbers.r#gen), (3, 4));
    assert_eq!(Numbers::ID, "pass.keywords");
}
