//! What a call may take more among many executions than among few.

use std::time::Duration;

/// Executions in the large store, and in the one that it is held against.
pub(crate) const MANY: i64 = 1_000_000;
pub(crate) const FEW: i64 = 100_000;

/// Ten times the rows must not be a multiple of the time: a scan of them would be.
pub(crate) fn grows_little(few: &[(&str, Duration)], many: &[(&str, Duration)]) {
    let mut slow = Vec::new();
    let mut told = Vec::new();
    for ((name, few), (same, many)) in few.iter().zip(many) {
        assert_eq!(name, same);
        told.push(format!("{name:24} {few:>10.1?} {many:>10.1?}"));
        if *many > *few * 5 + Duration::from_millis(4) {
            slow.push(format!("{name}: {few:?} among few, {many:?} among many"));
        }
    }
    assert!(
        slow.is_empty(),
        "{}\n\n{}",
        told.join("\n"),
        slow.join("\n")
    );
}
