//! The report: a table of all requirements and backends.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::backend::Backend;
use super::requirement::{Requirement, Verdict};

/// A column of the table: a backend, or the name of one that is absent.
#[derive(Clone)]
pub struct Column {
    name: String,
    backend: Option<Arc<dyn Backend>>,
}

impl Column {
    /// Returns the column of a backend.
    pub fn of(backend: impl Backend) -> Self {
        Self {
            name: backend.name().to_owned(),
            backend: Some(Arc::new(backend)),
        }
    }

    /// Returns an empty column, for a backend that is not available here.
    pub fn absent(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            backend: None,
        }
    }
}

/// The verdicts about each requirement and each backend.
#[derive(Clone, Debug)]
pub struct Report {
    /// The names of the backends.
    pub columns: Vec<String>,
    /// One row per requirement, in the order of the contract.
    pub rows: Vec<Row>,
}

/// A requirement and its verdicts.
#[derive(Clone, Debug)]
pub struct Row {
    /// The requirement.
    pub requirement: Requirement,
    /// One verdict per column; `None` in an empty one.
    pub verdicts: Vec<Option<Verdict>>,
}

/// Checks the requirements on every backend and returns the report. Checks those whose `area/name`
/// contains one of `filters`, or all without filters.
///
/// Each check has a new database and a runtime of its own. Several run at the same time.
///
/// # Panics
/// If the system refuses to start a thread or a runtime.
pub fn check(columns: &[Column], filters: &[String]) -> Report {
    let is_chosen = |requirement: &Requirement| {
        let name = requirement.to_string();
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
    };
    let all = super::requirements().into_iter();
    let chosen: Vec<Requirement> = all.filter(is_chosen).collect();
    let mut rows: Vec<Row> = chosen
        .iter()
        .map(|requirement| Row {
            requirement: *requirement,
            verdicts: vec![None; columns.len()],
        })
        .collect();
    let mut cells = Vec::new();
    for (row, requirement) in chosen.iter().enumerate() {
        for (column, Column { backend, .. }) in columns.iter().enumerate() {
            if let Some(backend) = backend {
                cells.push((row, column, *requirement, Arc::clone(backend)));
            }
        }
    }
    // Taken from the end, where the slow checks are: no slow check starts last.
    let cells = Mutex::new(cells);
    let verdicts = Mutex::new(Vec::new());
    let lock_cell = || cells.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..parallelism() {
            scope.spawn(|| {
                while let Some((row, column, requirement, backend)) = lock_cell() {
                    let verdict = run_in_own_runtime(&requirement, backend);
                    let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
                    verdicts.push((row, column, verdict));
                }
            });
        }
    });
    let verdicts = verdicts.into_inner();
    for (row, column, verdict) in verdicts.unwrap_or_else(PoisonError::into_inner) {
        rows[row].verdicts[column] = Some(verdict);
    }
    Report {
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        rows,
    }
}

/// Returns the number of checks at a time. Checks mostly wait for a disk or a server, so it exceeds
/// the number of cores.
fn parallelism() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    (2 * cores).clamp(4, 16)
}

fn run_in_own_runtime(requirement: &Requirement, backend: Arc<dyn Backend>) -> Verdict {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let verdict = runtime.block_on(requirement.run(backend));
    runtime.shutdown_background();
    verdict
}

impl Report {
    /// Returns the number of failed checks.
    pub fn failures(&self) -> usize {
        self.count(Verdict::is_failure)
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        let verdicts = self.rows.iter().flat_map(|row| &row.verdicts);
        verdicts.flatten().filter(|verdict| is(verdict)).count()
    }
}

/// Prints the table, the reasons of the failures, and the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rows.iter();
        let lengths = names.map(|row| row.requirement.to_string().len());
        let width = lengths.max().unwrap_or(0).max("requirement".len());
        write!(f, "{:width$}", "requirement")?;
        for column in &self.columns {
            write!(f, "  {column}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:width$}", row.requirement.to_string())?;
            for (column, verdict) in self.columns.iter().zip(&row.verdicts) {
                let width = column.chars().count();
                match verdict {
                    Some(verdict) => write!(f, "  {verdict:width$}")?,
                    None => write!(f, "  {:width$}", "–")?,
                }
            }
            writeln!(f)?;
        }
        for row in &self.rows {
            for (column, verdict) in self.columns.iter().zip(&row.verdicts) {
                if let Some(Verdict::Failed(reason)) = verdict {
                    let Requirement { promise, .. } = row.requirement;
                    let name = row.requirement;
                    // The form of `cargo test`: tools that look for failed tests find it.
                    writeln!(
                        f,
                        "\ntest {name} on {column} ... FAILED\n  {promise}\n  {reason}"
                    )?;
                }
            }
        }
        write!(
            f,
            "\n{} requirements: {} ok, {} failed, {} not applicable",
            self.rows.len(),
            self.count(|verdict| *verdict == Verdict::Passed),
            self.failures(),
            self.count(|verdict| matches!(verdict, Verdict::NotApplicable(_))),
        )
    }
}
