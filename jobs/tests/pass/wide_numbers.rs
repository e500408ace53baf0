//! Integers of 128 bits keep every digit.

use jobs::{JobError, job};

#[job(id = "pass.wide-numbers")]
async fn pay(account: u128, amount: i128) -> Result<u128, JobError> {
    let _ = amount;
    Ok(account)
}

pub(crate) fn main() {
    let json = serde_json::to_string(&Pay::new(u128::MAX, i128::MIN)).unwrap();
    let again: Pay = serde_json::from_str(&json).unwrap();
    assert_eq!((again.account, again.amount), (u128::MAX, i128::MIN));
}
