//! What a call may take more among many executions than among few.

use std::time::Duration;

use jobs_runtime::store::Store;

use super::exercise::Exercise;

/// Executions in the large store, and in the one that it is held against. In the latter fewer than
/// 5,000 are queued, also after what exercises add, so that their feed looks at all of them.
pub(crate) const MANY: i64 = 1_000_000;
pub(crate) const FEW: i64 = 80_000;

/// Comparisons, at most: a machine that was busy during one is not at the next.
const LOOKS: usize = 4;

/// Ten times the rows must not be a multiple of the time: a scan of them would be. Says what took
/// too long, below the times of everything.
pub(crate) async fn grows_little(few: &dyn Store, many: &dyn Store) -> Result<(), String> {
    let mut slow = Vec::new();
    let mut told = Vec::new();
    for look in 0..LOOKS {
        let among_few = Exercise::run(few, look).await;
        let among_many = Exercise::run(many, look).await;
        slow.clear();
        told.clear();
        for ((name, few), (same, many)) in among_few.iter().zip(&among_many) {
            assert_eq!(name, same);
            told.push(format!("{name:24} {few:>10.1?} {many:>10.1?}"));
            if *many > *few * 5 + Duration::from_millis(4) {
                slow.push(format!("{name}: {few:?} among few, {many:?} among many"));
            }
        }
        if slow.is_empty() {
            return Ok(());
        }
    }
    Err(format!("{}\n\n{}", told.join("\n"), slow.join("\n")))
}
