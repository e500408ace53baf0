//! What handlers logged.

use std::sync::Arc;

use jobs::{AttemptOutcome, ExecutionId, ExecutionStatus};
use jobs_runtime::store::{
    Answer, Claimed, LogBatch, LogLevel, LogLine, LogPage, LogPlace, LogQuery, Next, Settlement,
};
use serde_json::value::RawValue;

use super::harness::*;

fn line(line: u32, message: &str) -> Arc<LogLine> {
    Arc::new(LogLine {
        line,
        at: t(line.into()),
        level: LogLevel::Info,
        target: "members".to_owned(),
        message: message.to_owned(),
        fields: None,
    })
}

fn batch(claimed: &Claimed, lines: Vec<Arc<LogLine>>) -> LogBatch {
    LogBatch {
        fence: claimed.fence,
        lines,
    }
}

fn with_logs(mut settlement: Settlement, lines: Vec<Arc<LogLine>>) -> Settlement {
    settlement.end.logs = lines;
    settlement
}

fn whole(execution_id: ExecutionId) -> LogQuery {
    LogQuery {
        execution_id,
        attempt: None,
        level: None,
        after: None,
        limit: 1_000,
    }
}

async fn page(store: &AnyStore, query: LogQuery) -> LogPage {
    let page = store.logs(query).await.unwrap();
    page.expect("the execution exists")
}

/// The whole log as `attempt-line message`.
async fn log(store: &AnyStore, id: ExecutionId) -> Vec<String> {
    let lines = page(store, whole(id)).await.lines;
    let text = lines.into_iter().map(|record| {
        let line = record.line;
        format!("{}-{} {}", record.attempt, line.line, line.message)
    });
    text.collect()
}

/// Another session takes the attempt over.
async fn taken_over(store: &AnyStore, claimed: &Claimed) -> Claimed {
    let sessions = store.sessions().await.unwrap();
    let dead = sessions
        .into_iter()
        .find(|beat| beat.session == claimed.fence.session);
    let rescuer = session(store, "rescuer").await;
    let taken = store.take_over(dead.unwrap(), claim(rescuer, 1, &[], 9));
    taken.await.unwrap().pop().expect("one was leased")
}

pub(crate) async fn lines_read_back_as_written(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let fields = r#"{"z":1.50,"a":"\u0000 ü"}"#;
    let written = LogLine {
        line: 1,
        at: t(7),
        level: LogLevel::Warn,
        target: "members::\"quoted\"".to_owned(),
        message: "two\nlines, ü, \u{0} and '\"".to_owned(),
        fields: Some(RawValue::from_string(fields.to_owned()).unwrap()),
    };
    let logged = batch(&claimed, vec![Arc::new(written.clone()), line(2, "")]);
    let answers = store.append_logs(vec![logged]).await.unwrap();
    assert_eq!(answers, [Answer::Settled]);

    let read = page(&store, whole(claimed.execution_id)).await;
    assert_eq!((read.lines.len(), read.more), (2, false));
    let first = &read.lines[0];
    assert_eq!(first.attempt, 1);
    assert_eq!(format!("{:?}", first.line), format!("{written:?}"));
    assert_eq!(read.lines[1].line.message, "");
    assert!(store.logs(whole(id())).await.unwrap().is_none());
    let quiet = enqueue(&store, "j", 1).await[0];
    let empty = page(&store, whole(quiet)).await;
    assert!(empty.lines.is_empty() && empty.after.is_none() && !empty.more);
}

pub(crate) async fn a_line_is_written_once_under_its_number(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let first = vec![line(1, "a"), line(2, "b")];
    let answers = store.append_logs(vec![batch(&claimed, first)]);
    assert_eq!(answers.await.unwrap(), [Answer::Settled]);
    // The answer was lost: the same words again, and what was logged meanwhile.
    let again = vec![line(1, "a"), line(2, "b"), line(3, "c")];
    let answers = store.append_logs(vec![batch(&claimed, again)]);
    assert_eq!(answers.await.unwrap(), [Answer::Settled]);
    let last = vec![line(3, "c"), line(4, "d")];
    settle(&store, with_logs(success(&claimed), last)).await;
    assert_eq!(
        log(&store, claimed.execution_id).await,
        ["1-1 a", "1-2 b", "1-3 c", "1-4 d"]
    );
}

pub(crate) async fn the_last_lines_come_with_the_end(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let end = with_logs(retry_at(&claimed, t(9)), vec![line(1, "it failed")]);
    assert_eq!(settle(&store, end.clone()).await, Answer::Settled);
    store.promote(t(9), 1).await.unwrap();
    let second = claim(claimed.fence.session, 2, &["j"], 1);
    let second = store.claim(second).await.unwrap().pop().unwrap();
    let lines = vec![line(1, "again"), line(2, "it worked")];
    let success = with_logs(success(&second), lines);
    assert_eq!(settle(&store, success.clone()).await, Answer::Settled);
    // Both answers were lost: what is said again changes nothing.
    assert_eq!(settle(&store, end).await, Answer::AlreadyMine);
    assert_eq!(settle(&store, success).await, Answer::AlreadyMine);
    assert_eq!(
        log(&store, id).await,
        ["1-1 it failed", "2-1 again", "2-2 it worked"]
    );
}

pub(crate) async fn an_ended_attempt_is_completed_by_its_own_session(store: AnyStore) {
    let claimed = running(&store, "j").await;
    settle(&store, success(&claimed)).await;
    let late = batch(&claimed, vec![line(1, "sent before the end")]);
    let answers = store.append_logs(vec![late]).await.unwrap();
    assert_eq!(answers, [Answer::AlreadyMine]);
    assert_eq!(
        log(&store, claimed.execution_id).await,
        ["1-1 sent before the end"]
    );
}

pub(crate) async fn after_a_take_over_lines_are_refused(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let before = batch(&claimed, vec![line(1, "alive")]);
    store.append_logs(vec![before]).await.unwrap();
    let taken = taken_over(&store, &claimed).await;

    let stale = batch(&claimed, vec![line(2, "a ghost")]);
    let neighbour = running(&store, "other").await;
    let fine = batch(&neighbour, vec![line(1, "fine")]);
    let answers = store.append_logs(vec![stale.clone(), fine]).await.unwrap();
    assert_eq!(answers, [Answer::Stale, Answer::Settled]);
    assert_eq!(log(&store, neighbour.execution_id).await, ["1-1 fine"]);

    let end = with_logs(success(&claimed), vec![line(2, "a ghost")]);
    assert_eq!(settle(&store, end.clone()).await, Answer::Stale);
    // Neither while it is taken over nor when that has been recorded nor under its successor.
    let lost = settlement(&taken, AttemptOutcome::Lost, Next::RetryAt(t(5)));
    settle(&store, lost).await;
    assert_eq!(settle(&store, end.clone()).await, Answer::Stale);
    store.promote(t(5), 1).await.unwrap();
    let second = claim(taken.fence.session, 2, &["j"], 1);
    let second = store.claim(second).await.unwrap().pop().unwrap();
    assert_eq!(settle(&store, end).await, Answer::Stale);
    let answers = store.append_logs(vec![stale]).await.unwrap();
    assert_eq!(answers, [Answer::Stale]);
    assert_eq!(status(&store, id).await, ExecutionStatus::Running);
    assert_eq!(log(&store, id).await, ["1-1 alive"]);
    let end = with_logs(success(&second), vec![line(1, "done")]);
    assert_eq!(settle(&store, end).await, Answer::Settled);
    assert_eq!(log(&store, id).await, ["1-1 alive", "2-1 done"]);
}

pub(crate) async fn the_lines_of_a_stale_end_are_refused_among_others(store: AnyStore) {
    let stale = running(&store, "j").await;
    taken_over(&store, &stale).await;
    let fine = running(&store, "other").await;
    let ends = vec![
        with_logs(success(&stale), vec![line(1, "a ghost")]),
        with_logs(success(&fine), vec![line(1, "fine")]),
    ];
    let answers = store.settle(ends).await.unwrap();
    assert_eq!(answers, [Answer::Stale, Answer::Settled]);
    assert!(log(&store, stale.execution_id).await.is_empty());
    assert_eq!(log(&store, fine.execution_id).await, ["1-1 fine"]);
}

pub(crate) async fn pages_of_a_log_follow_each_other(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let leveled = |number: u32| {
        let level = LogLevel::ALL[number as usize % LogLevel::ALL.len()];
        let mut line = LogLine::clone(&line(number, "x"));
        line.level = level;
        Arc::new(line)
    };
    let end = with_logs(retry_at(&claimed, t(1)), (1..=10).map(leveled).collect());
    settle(&store, end).await;
    store.promote(t(1), 1).await.unwrap();
    let second = claim(claimed.fence.session, 2, &["j"], 1);
    let second = store.claim(second).await.unwrap().pop().unwrap();
    let lines = batch(&second, (1..=5).map(leveled).collect());
    store.append_logs(vec![lines]).await.unwrap();

    let mut places = Vec::new();
    let mut query = LogQuery {
        limit: 4,
        ..whole(id)
    };
    loop {
        let part = page(&store, query.clone()).await;
        places.extend(
            part.lines
                .iter()
                .map(|record| (record.attempt, record.line.line)),
        );
        query.after = part.after;
        if !part.more {
            break;
        }
    }
    let expected: Vec<_> = (1..=10)
        .map(|n| (1, n))
        .chain((1..=5).map(|n| (2, n)))
        .collect();
    assert_eq!(places, expected);

    // At the end, the place stays: more may be logged.
    let end = LogPlace {
        attempt: 2,
        line: 5,
    };
    assert_eq!(query.after, Some(end));
    let rest = page(&store, query).await;
    assert!(rest.lines.is_empty() && rest.after == Some(end));

    let filtered = LogQuery {
        attempt: Some(2),
        level: Some(LogLevel::Warn),
        ..whole(id)
    };
    let lines = page(&store, filtered).await.lines;
    let levels: Vec<_> = lines
        .iter()
        .map(|one| (one.attempt, one.line.level))
        .collect();
    assert_eq!(levels, [(2, LogLevel::Warn), (2, LogLevel::Error)]);
}
