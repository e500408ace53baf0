//! Requirements of planned features. They are listed and not checked.

use super::requirement::{Check, Requirement};

const fn planned(
    area: &'static str,
    name: &'static str,
    promise: &'static str,
    feature: &'static str,
) -> Requirement {
    Requirement {
        area,
        name,
        promise,
        check: Check::Planned(feature),
    }
}

const EXPIRY: &str = "expiry";

pub(super) const REQUIREMENTS: &[Requirement] = &[planned(
    "expiry",
    "waiting_executions_expire",
    "An execution that has not started by its deadline is cancelled and not claimed.",
    EXPIRY,
)];
