//! The directory of an archive: what comes back after crashes and mishaps.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobs::{AttemptOutcome, ErrorKind, ExecutionError, ExecutionId, ExecutionStatus};

use super::{
    ArchiveDirectory, ArchiveError, ArchiveFilter, ArchiveReader, ArchiveWriter, ArchivedExecution,
};
use crate::Entropy;
use crate::store::{
    DedupKind, Erasure, IdempotencyKey, Limit, LimitRule, LogLevel, LogLine, LogRecord,
    NewExecution, TransferredAttempt, TransferredExecution, TransferredOutcome, TransferredState,
};
use crate::testing::VirtualClock;
use crate::time::Timestamp;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn t(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn id(number: u128) -> ExecutionId {
    ExecutionId::from_bytes(number.to_be_bytes())
}

/// An execution with something in every member.
fn execution(number: u128) -> TransferredExecution {
    let error = ExecutionError {
        kind: ErrorKind::Failed,
        message: "a \u{0} and\na 🦀".to_owned(),
    };
    let fields = serde_json::value::RawValue::from_string(r#"{"n": 1}"#.to_owned());
    let mut request = NewExecution::new(id(number), "mail.send", t(1_000));
    request.payload = r#"{"to": "ada", "n":1.50}"#.to_owned();
    request.run_at = Some(t(2_000));
    request.tags = vec!["a".to_owned(), "b".to_owned()];
    request.parent_id = Some(id(99));
    request.correlation_id = Some("order 7".to_owned());
    request.policy.retry_jitter = 0.1;
    request.rules.max_waiting = Some(u32::MAX);
    request.rules.limits = vec![Limit {
        key: "mail.send".to_owned(),
        job_id: "mail.send".to_owned(),
        rule: LimitRule::Concurrent { count: 3 },
    }];
    TransferredExecution {
        request,
        state: TransferredState::Final(Box::new(TransferredOutcome {
            status: ExecutionStatus::Failed,
            finished_at: t(9_000),
            attempt: 2,
            outcome: Some(AttemptOutcome::Failed),
            worker: Some("host:1".to_owned()),
            started_at: Some(t(8_000)),
            error: Some(error.clone()),
            progress: 40,
            progress_message: Some("halfway".to_owned()),
            result: Some("{\"sum\": [1, 2]}".to_owned()),
        })),
        attempts: vec![TransferredAttempt {
            number: 1,
            outcome: AttemptOutcome::Failed,
            worker: "host:2".to_owned(),
            started_at: t(3_000),
            finished_at: t(4_000),
            retry_at: Some(t(7_000)),
            error: Some(error),
            progress: 0,
            progress_message: None,
            result: None,
        }],
        logs: vec![LogRecord {
            attempt: 1,
            line: LogLine {
                line: 1,
                at: t(3_500),
                level: LogLevel::Warn,
                target: "mail".to_owned(),
                message: "slow\n".to_owned(),
                fields: Some(fields.expect("JSON")),
            },
        }],
        keys: vec![IdempotencyKey {
            key: "k".to_owned(),
            payload_digest: "d".to_owned(),
            expires_at: t(5_000),
        }],
        names: vec![(DedupKind::Unique, "u".to_owned())],
        erased: Some(Erasure {
            at: t(9_500),
            by: None,
        }),
    }
}

/// An execution that ended at a time.
fn ended(number: u128, at: i64) -> ArchivedExecution {
    let mut execution = execution(number);
    if let TransferredState::Final(outcome) = &mut execution.state {
        outcome.finished_at = t(at);
    }
    ArchivedExecution::of(execution).expect("final")
}

struct Archive {
    directory: tempfile::TempDir,
    clock: Arc<VirtualClock>,
}

impl Archive {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            clock: VirtualClock::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    /// A writer, as a process of its own has one.
    fn writer(&self, seed: u64) -> ArchiveDirectory {
        let clock = Arc::clone(&self.clock) as Arc<dyn jobs::Clock>;
        ArchiveDirectory::new(self.root(), clock, &Entropy::seeded(seed))
    }

    fn files(&self) -> Vec<super::ArchiveFile> {
        ArchiveReader::new(self.root()).files().expect("readable")
    }

    /// The executions of the archive by number and time of the end, and the errors.
    fn read(&self, filter: ArchiveFilter) -> (Vec<(u128, i64)>, Vec<ArchiveError>) {
        let reader = ArchiveReader::new(self.root());
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for one in reader.executions(filter).expect("readable") {
            match one {
                Ok(one) => {
                    let number = u128::from_be_bytes(*one.id().as_bytes());
                    found.push((number, one.finished_at().as_millis()));
                }
                Err(error) => errors.push(error),
            }
        }
        (found, errors)
    }

    fn numbers(&self) -> Vec<(u128, i64)> {
        let (found, errors) = self.read(ArchiveFilter::default());
        assert!(errors.is_empty(), "{errors:?}");
        found
    }
}

#[test]
fn an_execution_comes_back_equal_from_its_line() {
    let execution = execution(1);
    let before = format!("{execution:?}");
    let archived = ArchivedExecution::of(execution).expect("final");
    let line = serde_json::to_string(&archived).expect("JSON");
    assert!(!line.contains(['\n', '\r']), "{line}");
    assert!(
        line.contains(r#""payload":{"to": "ada", "n":1.50}"#),
        "{line}"
    );
    let read: ArchivedExecution = serde_json::from_str(&line).expect("it was written so");
    assert_eq!(format!("{:?}", read.into_transferred()), before);
}

#[test]
fn a_waiting_execution_has_no_archived_form() {
    let mut waiting = execution(1);
    waiting.state = TransferredState::Queued {
        attempt: 1,
        spent: 0,
    };
    assert!(ArchivedExecution::of(waiting).is_none());
}

#[tokio::test]
async fn each_process_and_each_day_have_a_file_with_a_manifest() {
    let archive = Archive::new();
    let (one, other) = (archive.writer(1), archive.writer(2));
    one.write(&[ended(1, 10), ended(2, 20)])
        .await
        .expect("written");
    other.write(&[ended(3, 30)]).await.expect("written");
    one.write(&[ended(4, 5)]).await.expect("written");
    one.write(&[]).await.expect("nothing to write");
    archive.clock.advance(DAY).await;
    one.write(&[ended(5, 50)]).await.expect("written");
    let files = archive.files();
    let counts: Vec<_> = files
        .iter()
        .map(|file| file.manifest.as_ref().map_or(0, |it| it.executions))
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 5, "{files:?}");
    assert_eq!(counts.len(), 3, "{files:?}");
    for file in &files {
        let manifest = file.manifest.as_ref().expect("a manifest");
        assert_eq!(manifest.bytes, file.bytes);
        assert!(!file.is_truncated());
    }
    let first = files.iter().find_map(|file| {
        let manifest = file.manifest.as_ref()?;
        (manifest.executions == 3).then_some(manifest)
    });
    let first = first.expect("the file with two batches");
    assert_eq!(
        (first.first_finished_at, first.last_finished_at),
        (t(5), t(20))
    );
    assert_eq!((first.jobs.len(), first.jobs[0].count), (1, 3));
    let mut numbers = archive.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, [(1, 10), (2, 20), (3, 30), (4, 5), (5, 50)]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let archive = Archive::new();
    archive
        .writer(1)
        .write(&[ended(1, 10)])
        .await
        .expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    let file = &archive.files()[0].path;
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(&super::manifest::path_of(file)), 0o600);
    assert_eq!(mode(&archive.root()), 0o700);
}

/// The file of a process that dies anywhere in its second batch has the first one.
#[tokio::test]
async fn a_torn_end_loses_no_complete_batch() {
    let archive = Archive::new();
    let writer = archive.writer(1);
    writer.write(&[ended(1, 10)]).await.expect("written");
    let file = archive.files().remove(0).path;
    let manifest = super::manifest::path_of(&file);
    let (first, first_manifest) = (fs::read(&file).expect("read"), fs::read(&manifest));
    writer
        .write(&[ended(2, 20), ended(1, 10)])
        .await
        .expect("written");
    let both = fs::read(&file).expect("read");
    drop(writer);
    for length in first.len()..=both.len() {
        fs::write(&file, &both[..length]).expect("written");
        fs::write(&manifest, first_manifest.as_ref().expect("read")).expect("written");
        let found = archive.numbers();
        assert!(found.contains(&(1, 10)), "{length}: {found:?}");
        if length == both.len() {
            assert_eq!(found, [(1, 10), (2, 20)], "without its manifest");
        }
        // Blocks that the file system had not written are zero after a loss of power.
        let mut zeros = both[..length].to_vec();
        zeros.resize(both.len(), 0);
        fs::write(&file, &zeros).expect("written");
        let found = archive.numbers();
        assert!(found.contains(&(1, 10)), "{length} and zeros: {found:?}");
    }
    // A process that died in its first batch has no manifest.
    fs::remove_file(&manifest).expect("removed");
    for length in 0..first.len() {
        fs::write(&file, &first[..length]).expect("written");
        archive.numbers();
    }
}

#[tokio::test]
async fn a_file_that_lost_executions_is_reported_and_the_others_are_read() {
    let archive = Archive::new();
    archive
        .writer(1)
        .write(&[ended(1, 10)])
        .await
        .expect("written");
    let lost = archive.files().remove(0).path;
    archive
        .writer(2)
        .write(&[ended(2, 20)])
        .await
        .expect("written");
    let bytes = fs::read(&lost).expect("read");
    for damage in ["cut", "changed"] {
        let mut damaged = bytes.clone();
        if damage == "cut" {
            damaged.truncate(bytes.len() / 2);
        } else {
            damaged[bytes.len() / 2] ^= 0x55;
        }
        fs::write(&lost, damaged).expect("written");
        let (found, errors) = archive.read(ArchiveFilter::default());
        assert_eq!(found, [(2, 20)], "{damage}");
        assert_eq!(errors.len(), 1, "{damage}: {errors:?}");
        assert!(errors[0].to_string().contains("lacks 1"), "{errors:?}");
    }
}

#[tokio::test]
async fn the_latest_end_of_an_execution_is_read_once() {
    let archive = Archive::new();
    let (one, other) = (archive.writer(1), archive.writer(2));
    one.write(&[ended(1, 10), ended(2, 20)])
        .await
        .expect("written");
    other
        .write(&[ended(1, 10), ended(2, 25)])
        .await
        .expect("written");
    one.write(&[ended(1, 8)]).await.expect("written");
    let mut found = archive.numbers();
    found.sort_unstable();
    assert_eq!(found, [(1, 10), (2, 25)]);
    let since = ArchiveFilter {
        since: Some(t(21)),
        ..ArchiveFilter::default()
    };
    assert_eq!(archive.read(since).0, [(2, 25)]);
    let until = ArchiveFilter {
        until: Some(t(21)),
        ..ArchiveFilter::default()
    };
    assert_eq!(
        archive.read(until).0,
        [(1, 10)],
        "an outdated line does not count"
    );
    for (job_id, expected) in [("mail.send", 2), ("other", 0)] {
        let of_job = ArchiveFilter {
            job_id: Some(job_id.to_owned()),
            status: Some(ExecutionStatus::Failed),
            ..ArchiveFilter::default()
        };
        assert_eq!(archive.read(of_job).0.len(), expected);
    }
    let by_id = ArchiveFilter {
        ids: vec![id(2)],
        ..ArchiveFilter::default()
    };
    assert_eq!(archive.read(by_id).0, [(2, 25)]);
}

/// An operator moves a file away, or cuts it: the writer begins another one.
#[tokio::test]
async fn a_file_that_was_moved_away_is_replaced() {
    let archive = Archive::new();
    let writer = archive.writer(1);
    writer.write(&[ended(1, 10)]).await.expect("written");
    let file = archive.files().remove(0).path;
    fs::rename(&file, file.with_extension("moved")).expect("moved");
    writer.write(&[ended(2, 20)]).await.expect("written");
    assert_eq!(archive.numbers(), [(2, 20)]);
    fs::remove_dir_all(archive.root()).expect("removed");
    writer.write(&[ended(3, 30)]).await.expect("written");
    assert_eq!(archive.numbers(), [(3, 30)]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_an_error_until_it_can() {
    let archive = Archive::new();
    fs::write(archive.root(), "a file is in the way").expect("written");
    let writer = archive.writer(1);
    let error = writer
        .write(&[ended(1, 10)])
        .await
        .expect_err("no directory");
    let text = crate::error::chain(&error).to_string();
    assert!(
        text.contains("cannot create") && text.contains("archive"),
        "{text}"
    );
    fs::remove_file(archive.root()).expect("removed");
    writer.write(&[ended(1, 10)]).await.expect("written");
    assert_eq!(archive.numbers(), [(1, 10)]);
}
