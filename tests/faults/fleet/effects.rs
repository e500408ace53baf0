//! The effects of handlers: lines that they append to a file, independently of any store.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An execution's id and an attempt number.
pub(crate) type Attempt = (String, u64);

/// The file that every handler of a fleet appends to. Each line is one write, so the order of the
/// lines is the order of the events.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) file: PathBuf,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    offset: u64,
    begun: usize,
}

/// The events of the file.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Attempts that began.
    pub(crate) begun: HashSet<Attempt>,
    /// Attempts whose handler has returned or was dropped.
    pub(crate) ended: HashSet<Attempt>,
    /// Attempts that had not ended when a later attempt of their execution began, and attempts that
    /// began after a later one.
    pub(crate) overtaken: HashSet<Attempt>,
    /// The number of attempts that began after a later attempt of their execution. Their process
    /// was suspended just before it called the handler.
    pub(crate) late: usize,
}

impl Effects {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("effects.txt"),
            counted: Mutex::default(),
        }
    }

    /// Counts the attempts that have begun. Reads only the lines that are new since the last call.
    pub(crate) fn begun(&self) -> usize {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut file) = File::open(&self.file) else {
            return 0;
        };
        let mut new = String::new();
        file.seek(SeekFrom::Start(counted.offset)).unwrap();
        file.read_to_string(&mut new).unwrap();
        counted.offset += u64::try_from(new.len()).unwrap();
        counted.begun += new.lines().filter(|line| is_begin(line)).count();
        counted.begun
    }

    /// Counts the begun attempts that were not the first of their execution.
    pub(crate) fn begun_again(&self) -> usize {
        let begun = self.history().begun;
        begun.iter().filter(|(_, number)| *number > 1).count()
    }

    /// Reads all events. Panics if an attempt began twice.
    pub(crate) fn history(&self) -> History {
        let lines = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mut history = History::default();
        let mut latest: HashMap<&str, u64> = HashMap::new();
        for line in lines.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [_, id, number] = words[..] else {
                panic!("`{line}` is incomplete");
            };
            let number: u64 = number.parse().unwrap();
            let attempt = (id.to_owned(), number);
            if !is_begin(line) {
                assert!(
                    history.begun.contains(&attempt),
                    "`{line}` has no begin before it"
                );
                history.ended.insert(attempt);
                continue;
            }
            match latest.get(id) {
                Some(later) if *later > number => {
                    history.late += 1;
                    history.overtaken.insert(attempt.clone());
                }
                Some(before) => {
                    let before = (id.to_owned(), *before);
                    if !history.ended.contains(&before) {
                        history.overtaken.insert(before);
                    }
                    latest.insert(id, number);
                }
                None => drop(latest.insert(id, number)),
            }
            assert!(history.begun.insert(attempt), "`{line}` stands twice");
        }
        history
    }
}

fn is_begin(line: &str) -> bool {
    line.starts_with("begin ")
}
