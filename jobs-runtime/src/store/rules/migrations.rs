//! The steps of a store's layout, and the ledger of the steps that were applied.
//!
//! Each store keeps its steps as SQL files, and a ledger table in the database. The rules compare
//! the two. They find the first missing step, and reject a ledger that this program did not write.
//!
//! A ledger may end with steps of a newer program. Each names the oldest step whose programs can
//! use its layout. So the older programs of a fleet go on while a newer one is deployed.

use sha2::{Digest, Sha256};

use crate::store::{MigrationStatus, StoreError};
use crate::time::Timestamp;

/// One step of a layout. A released step never changes: the ledgers hold its checksum.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Migration {
    pub(in crate::store) version: u32,
    pub(in crate::store) name: &'static str,
    /// A program that knows the steps up to this one can use the layout.
    pub(in crate::store) compatible_from: u32,
    /// The index that the step builds beside running work, and outside a transaction: `sql` is one
    /// `CREATE INDEX CONCURRENTLY` of this name. `None` if the step is a transaction. Steps of the
    /// SQLite store always are.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            dead_code,
            reason = "only PostgreSQL builds indexes beside running work"
        )
    )]
    pub(in crate::store) concurrent_index: Option<&'static str>,
    pub(in crate::store) sql: &'static str,
}

impl Migration {
    /// The SHA-256 digest of the step's SQL, in hexadecimal digits.
    pub(in crate::store) fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A row of the ledger.
#[derive(Clone, Debug)]
pub(in crate::store) struct AppliedMigration {
    pub(in crate::store) version: u32,
    pub(in crate::store) name: String,
    pub(in crate::store) checksum: String,
    /// `None` if the ledger does not tell: only programs that know the step can use the layout.
    pub(in crate::store) compatible_from: Option<u32>,
    pub(in crate::store) applied_at: Timestamp,
}

/// Checks that the ledger has the steps that this program knows, or the first ones of them. Further
/// steps must be compatible with this program.
///
/// # Errors
/// [`StoreError::Layout`] if the ledger names a step with another text, or an unknown step that is
/// not compatible with this program.
pub(in crate::store) fn check_ledger(
    steps: &[Migration],
    applied: &[AppliedMigration],
) -> Result<(), StoreError> {
    for (n, row) in applied.iter().enumerate() {
        let AppliedMigration { version, name, .. } = row;
        let Some(step) = steps.get(n) else {
            let known = steps.last().map_or(0, |step| step.version);
            if row.compatible_from.is_some_and(|from| from <= known) {
                continue;
            }
            return Err(StoreError::Layout(format!(
                "it has migration {version} `{name}`, which this program does not know: update \
                 the program"
            )));
        };
        if *version != step.version || row.checksum != step.checksum() {
            return Err(StoreError::Layout(format!(
                "its migration {version} `{name}` is not this program's. An earlier build made the \
                 layout, or its ledger was edited; it cannot be converted. Finish its work with \
                 that build, then start with an empty file or schema"
            )));
        }
    }
    Ok(())
}

/// Every step that this program knows, with the time at which it was applied.
pub(in crate::store) fn migration_status(
    steps: &[Migration],
    applied: &[AppliedMigration],
) -> Vec<MigrationStatus> {
    let status = steps.iter().enumerate().map(|(n, step)| MigrationStatus {
        version: step.version,
        name: step.name.to_owned(),
        applied_at: applied.get(n).map(|row| row.applied_at),
    });
    status.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Migration; 2] = [
        Migration {
            version: 1,
            name: "first",
            compatible_from: 1,
            concurrent_index: None,
            sql: "CREATE TABLE a (id INTEGER)",
        },
        Migration {
            version: 2,
            name: "second",
            compatible_from: 2,
            concurrent_index: None,
            sql: "CREATE TABLE b (id INTEGER)",
        },
    ];

    fn applied(step: &Migration) -> AppliedMigration {
        AppliedMigration {
            version: step.version,
            name: step.name.to_owned(),
            checksum: step.checksum(),
            compatible_from: Some(step.compatible_from),
            applied_at: Timestamp::from_millis(7),
        }
    }

    fn rejection(steps: &[Migration], ledger: &[AppliedMigration]) -> String {
        match check_ledger(steps, ledger) {
            Err(StoreError::Layout(reason)) => reason,
            other => panic!("a layout error was expected, not {other:?}"),
        }
    }

    #[test]
    fn a_ledger_that_is_a_prefix_of_the_steps_is_accepted() {
        let ledger: Vec<_> = STEPS.iter().map(applied).collect();
        for count in 0..=STEPS.len() {
            check_ledger(&STEPS, &ledger[..count]).unwrap();
        }
        let status = migration_status(&STEPS, &ledger[..1]);
        let applied_at: Vec<_> = status.iter().map(|step| step.applied_at).collect();
        assert_eq!(applied_at, [Some(Timestamp::from_millis(7)), None]);
    }

    #[test]
    fn a_step_of_a_newer_program_asks_for_an_update() {
        let ledger: Vec<_> = STEPS.iter().map(applied).collect();
        let reason = rejection(&STEPS[..1], &ledger);
        assert!(reason.contains("migration 2 `second`"), "{reason}");
        assert!(reason.ends_with("update the program"), "{reason}");
    }

    #[test]
    fn a_compatible_step_of_a_newer_program_is_accepted() {
        let mut ledger: Vec<_> = STEPS.iter().map(applied).collect();
        ledger[1].compatible_from = Some(1);
        check_ledger(&STEPS[..1], &ledger).unwrap();
        let status = migration_status(&STEPS[..1], &ledger);
        assert_eq!(status.len(), 1, "{status:?}");
        ledger[1].compatible_from = None;
        assert!(rejection(&STEPS[..1], &ledger).contains("migration 2"));
    }

    #[test]
    fn a_step_with_another_text_is_rejected_with_the_remedy() {
        let mut ledger = vec![applied(&STEPS[0])];
        ledger[0].checksum = "x".to_owned();
        let reason = rejection(&STEPS, &ledger);
        assert!(reason.contains("migration 1 `first`"), "{reason}");
        assert!(reason.contains("an empty file or schema"), "{reason}");
        ledger[0] = applied(&STEPS[1]);
        assert!(rejection(&STEPS, &ledger).contains("migration 2"));
    }
}
