//! All requirements on all grounds, as a table.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::backend::Backend;
use super::requirement::{Requirement, Verdict};

/// A column of the table: a kind of store, or the name of one that is not there.
#[derive(Clone)]
pub struct Column {
    name: String,
    backend: Option<Arc<dyn Backend>>,
}

impl Column {
    /// A kind of store to put to the test.
    pub fn of(backend: impl Backend) -> Self {
        Self {
            name: backend.name().to_owned(),
            backend: Some(Arc::new(backend)),
        }
    }

    /// A kind of store that cannot be put to the test here: its column stays empty.
    pub fn absent(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            backend: None,
        }
    }
}

/// What became of each point on each backend.
#[derive(Clone, Debug)]
pub struct Report {
    /// The names of the grounds.
    pub columns: Vec<String>,
    /// A row per point, in the order of the contract.
    pub rows: Vec<Row>,
}

/// A point and its verdicts.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which point.
    pub point: Requirement,
    /// One per column; `None` in an empty one.
    pub verdicts: Vec<Option<Verdict>>,
}

/// Puts the requirements whose names contain one of `words`, or all if there are none, to the test on
/// every backend: each on a database and in a runtime of its own, several at a time. Returns when
/// all are done.
///
/// # Panics
/// If the system refuses a thread or a runtime.
pub fn check(columns: &[Column], words: &[String]) -> Report {
    let named = |point: &Requirement| {
        let name = point.to_string();
        words.is_empty() || words.iter().any(|word| name.contains(word))
    };
    let chosen: Vec<Requirement> = super::requirements().into_iter().filter(named).collect();
    let mut rows: Vec<Row> = chosen
        .iter()
        .map(|point| Row {
            point: *point,
            verdicts: vec![None; columns.len()],
        })
        .collect();
    let mut cells = Vec::new();
    for (row, point) in chosen.iter().enumerate() {
        for (column, Column { backend, .. }) in columns.iter().enumerate() {
            if let Some(backend) = backend {
                cells.push((row, column, *point, Arc::clone(backend)));
            }
        }
    }
    // Taken from the end, where the long ones stand: none of them begins when all others are done.
    let cells = Mutex::new(cells);
    let verdicts = Mutex::new(Vec::new());
    let lock_cell = || cells.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..at_a_time() {
            scope.spawn(|| {
                while let Some((row, column, point, backend)) = lock_cell() {
                    let verdict = run_apart(&point, backend);
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

/// Points mostly wait for a disk or a server.
fn at_a_time() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    (2 * cores).clamp(4, 16)
}

fn run_apart(point: &Requirement, backend: Arc<dyn Backend>) -> Verdict {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let verdict = runtime.block_on(point.run(backend));
    runtime.shutdown_background();
    verdict
}

impl Report {
    /// How many promises are broken.
    pub fn failures(&self) -> usize {
        self.count(Verdict::is_failure)
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        let verdicts = self.rows.iter().flat_map(|row| &row.verdicts);
        verdicts.flatten().filter(|verdict| is(verdict)).count()
    }
}

/// The table, then the reasons of those that failed, then the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rows.iter().map(|row| row.point.to_string().len());
        let width = names.max().unwrap_or(0).max("point".len());
        write!(f, "{:width$}", "point")?;
        for column in &self.columns {
            write!(f, "  {column}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:width$}", row.point.to_string())?;
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
                    let Requirement { promise, .. } = row.point;
                    writeln!(f, "\n{} on {column}\n  {promise}\n  {reason}", row.point)?;
                }
            }
        }
        write!(
            f,
            "\n{} requirements: {} ok, {} failed, {} not yet, {} not applicable",
            self.rows.len(),
            self.count(|verdict| *verdict == Verdict::Passed),
            self.failures(),
            self.count(|verdict| matches!(verdict, Verdict::NotYet(_))),
            self.count(|verdict| matches!(verdict, Verdict::NotApplicable(_))),
        )
    }
}
