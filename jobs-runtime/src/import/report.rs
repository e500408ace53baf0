//! The report of an import: what became of the rows, per name in the other system.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of all rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportReport {
    /// `true` if nothing was written.
    pub(crate) dry_run: bool,
    /// By name.
    pub(crate) names: BTreeMap<String, ImportedName>,
}

/// What became of the rows of one name.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedName {
    /// The job that they became; `None` if no row could become one.
    pub(crate) job_id: Option<String>,
    /// New executions.
    pub(crate) imported: usize,
    /// Rows that have an execution already.
    pub(crate) existing: usize,
    /// Rows that a worker of the other system executes.
    pub(crate) running: usize,
    /// Rows that cannot become an execution.
    pub(crate) refused: usize,
    /// Imported rows that the other system executes one after the other.
    pub(crate) ordered: usize,
    /// The id of the first refused row, and the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_refused: Option<(String, String)>,
}

impl ImportReport {
    pub(super) fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            names: BTreeMap::new(),
        }
    }

    pub(super) fn name(&mut self, name: &str) -> &mut ImportedName {
        self.names.entry(name.to_owned()).or_default()
    }

    /// The sum of one number over all names.
    pub(crate) fn sum(&self, number: impl Fn(&ImportedName) -> usize) -> usize {
        self.names.values().map(number).sum()
    }
}

impl ImportedName {
    pub(super) fn refuse(&mut self, id: &str, reason: String) {
        self.refused += 1;
        self.first_refused
            .get_or_insert_with(|| (id.to_owned(), reason));
    }
}
