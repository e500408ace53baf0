//! What handlers did, by the lines they left: the one record that no store has a hand in.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An attempt of an execution.
pub(crate) type Attempt = (String, u64);

/// The file that every handler of a fleet appends to, a whole line at a time: the order of the
/// lines is the order of what they tell.
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

/// The lines, read as a story.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Attempts that began, each once.
    pub(crate) begun: HashSet<Attempt>,
    /// Attempts of which nothing was left at some time.
    pub(crate) ended: HashSet<Attempt>,
    /// Attempts that had not ended when a later one of the same execution began, or began after it.
    pub(crate) overtaken: HashSet<Attempt>,
    /// Those that began after a later one: their process was suspended just before it called the handler.
    pub(crate) late: usize,
}

impl Effects {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("effects.txt"),
            counted: Mutex::default(),
        }
    }

    /// How many attempts have begun.
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

    /// How many of them were not the first of their execution.
    pub(crate) fn begun_again(&self) -> usize {
        let story = self.story();
        story.begun.iter().filter(|(_, number)| *number > 1).count()
    }

    /// Reads everything. An attempt that begins twice fails the test here.
    pub(crate) fn story(&self) -> Story {
        let lines = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mut story = Story::default();
        let mut latest: HashMap<&str, u64> = HashMap::new();
        for line in lines.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [_, id, number] = words[..] else {
                panic!("`{line}` was not written whole");
            };
            let number: u64 = number.parse().unwrap();
            let attempt = (id.to_owned(), number);
            if !is_begin(line) {
                assert!(story.begun.contains(&attempt), "`{line}` without a begin");
                story.ended.insert(attempt);
                continue;
            }
            match latest.get(id) {
                Some(later) if *later > number => {
                    story.late += 1;
                    story.overtaken.insert(attempt.clone());
                }
                Some(before) => {
                    let before = (id.to_owned(), *before);
                    if !story.ended.contains(&before) {
                        story.overtaken.insert(before);
                    }
                    latest.insert(id, number);
                }
                None => drop(latest.insert(id, number)),
            }
            assert!(story.begun.insert(attempt), "`{line}` twice");
        }
        story
    }
}

fn is_begin(line: &str) -> bool {
    line.starts_with("begin ")
}
