//! The comparison of call times between a small store and a large one.

use std::time::Duration;

use jobs_runtime::store::Store;

use super::store_calls::CallTimes;

/// The executions of the large store.
pub(crate) const MANY: i64 = 1_000_000;

/// The executions of the small store. Fewer than 5,000 of them are queued, also after the calls of
/// the comparisons, so that a list of queued executions examines all of them.
pub(crate) const FEW: i64 = 80_000;

/// The number of comparisons at most: one of them may fall into a busy time of the machine.
const COMPARISONS: usize = 4;

/// The number of a measurement that no comparison has, for calls before them.
pub(crate) const BEFORE_COMPARISONS: usize = 1_000;

/// Compares the time of each call in both stores. A call passes if it takes at most five times as
/// long in the large store, plus 4 ms; a scan of the table would take twelve times as long. The
/// error lists all times, and then the slow calls.
pub(crate) async fn compare_call_times(few: &dyn Store, many: &dyn Store) -> Result<(), String> {
    let mut slow = Vec::new();
    let mut times = Vec::new();
    for comparison in 0..COMPARISONS {
        let among_few = CallTimes::measure(few, comparison).await;
        let among_many = CallTimes::measure(many, comparison).await;
        slow.clear();
        times.clear();
        for ((name, few), (same, many)) in among_few.iter().zip(&among_many) {
            assert_eq!(name, same);
            times.push(format!("{name:24} {few:>10.1?} {many:>10.1?}"));
            if *many > *few * 5 + Duration::from_millis(4) {
                slow.push(format!("{name}: {few:?} among few, {many:?} among many"));
            }
        }
        if slow.is_empty() {
            return Ok(());
        }
    }
    Err(format!("{}\n\n{}", times.join("\n"), slow.join("\n")))
}
