//! Logs of attempts: requirements on writing log lines and reading them in pages.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "logs" {
    log_lines_read_back_as_written: "Every character, level, time and field of a log line reads back as it was written.",
    a_log_line_is_written_once_per_number: "A log line that is sent again under its number is written once.",
    log_lines_are_written_with_their_settlement: "The log lines of a settlement are written with it, once.",
    the_session_of_an_ended_attempt_may_add_log_lines: "The session that has settled an attempt may still add log lines to it.",
    log_pages_are_complete: "Pages of a log have neither gaps nor repetitions, also with filters. The last position serves to continue later.",
}}

async fn log_lines_read_back_as_written(store: AnyStore) {
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
    assert_eq!(answers, [WriteAnswer::Settled]);

    let read = page(&store, whole_log(claimed.execution_id)).await;
    assert_eq!((read.lines.len(), read.more), (2, false));
    let first = &read.lines[0];
    assert_eq!(first.attempt, 1);
    assert_eq!(format!("{:?}", first.line), format!("{written:?}"));
    assert_eq!(read.lines[1].line.message, "");
    assert!(store.logs(whole_log(id())).await.unwrap().is_none());
    let quiet = enqueue(&store, "j", 1).await[0];
    let empty = page(&store, whole_log(quiet)).await;
    assert!(empty.lines.is_empty() && empty.after.is_none() && !empty.more);
}

async fn a_log_line_is_written_once_per_number(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let first = vec![line(1, "a"), line(2, "b")];
    let answers = store.append_logs(vec![batch(&claimed, first)]);
    assert_eq!(answers.await.unwrap(), [WriteAnswer::Settled]);
    // The answer was lost: the same lines again, and a new one.
    let again = vec![line(1, "a"), line(2, "b"), line(3, "c")];
    let answers = store.append_logs(vec![batch(&claimed, again)]);
    assert_eq!(answers.await.unwrap(), [WriteAnswer::Settled]);
    let last = vec![line(3, "c"), line(4, "d")];
    settle(&store, with_logs(success(&claimed), last)).await;
    assert_eq!(
        log(&store, claimed.execution_id).await,
        ["1-1 a", "1-2 b", "1-3 c", "1-4 d"]
    );
}

async fn log_lines_are_written_with_their_settlement(store: AnyStore) {
    let claimed = running(&store, "j").await;
    let id = claimed.execution_id;
    let end = with_logs(retry_at(&claimed, t(9)), vec![line(1, "it failed")]);
    assert_eq!(settle(&store, end.clone()).await, WriteAnswer::Settled);
    store.promote(t(9), 1).await.unwrap();
    let second = claim(claimed.fence.session, 2, &["j"], 1);
    let second = store.claim(second).await.unwrap().pop().unwrap();
    let lines = vec![line(1, "again"), line(2, "it worked")];
    let success = with_logs(success(&second), lines);
    assert_eq!(settle(&store, success.clone()).await, WriteAnswer::Settled);
    // Both answers were lost: the repeated settlements change nothing.
    assert_eq!(settle(&store, end).await, WriteAnswer::AlreadyMine);
    assert_eq!(settle(&store, success).await, WriteAnswer::AlreadyMine);
    assert_eq!(
        log(&store, id).await,
        ["1-1 it failed", "2-1 again", "2-2 it worked"]
    );
}

async fn the_session_of_an_ended_attempt_may_add_log_lines(store: AnyStore) {
    let claimed = running(&store, "j").await;
    settle(&store, success(&claimed)).await;
    let late = batch(&claimed, vec![line(1, "sent before the end")]);
    let answers = store.append_logs(vec![late]).await.unwrap();
    assert_eq!(answers, [WriteAnswer::AlreadyMine]);
    assert_eq!(
        log(&store, claimed.execution_id).await,
        ["1-1 sent before the end"]
    );
}

async fn log_pages_are_complete(store: AnyStore) {
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
        ..whole_log(id)
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

    // At the end the position stays: more lines may follow.
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
        ..whole_log(id)
    };
    let lines = page(&store, filtered).await.lines;
    let levels: Vec<_> = lines
        .iter()
        .map(|one| (one.attempt, one.line.level))
        .collect();
    assert_eq!(levels, [(2, LogLevel::Warn), (2, LogLevel::Error)]);
}
