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

const BROKER: &str = "broker";

pub(super) const REQUIREMENTS: &[Requirement] = &[
    planned(
        "broker",
        "an_execution_is_queued_after_the_broker_confirm",
        "With a broker, an execution is queued once its message is confirmed, and not before.",
        BROKER,
    ),
    planned(
        "broker",
        "a_message_claims_once",
        "A message that is late or repeated leases its execution at most once.",
        BROKER,
    ),
];
