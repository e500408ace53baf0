//! Invariants of a fleet under faults, computed from three independent records: the stored
//! attempts, the acknowledged ids, and the effects of handlers.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use serde_json::Value;
use tests::http;

use super::effects::{Effects, History};

/// Totals of a checked run, for the output of the test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Executions in the store.
    pub(crate) executions: usize,
    /// Attempts whose handler was called.
    pub(crate) begun: usize,
    /// Attempts whose worker stopped renewing its lease.
    pub(crate) lost: usize,
    /// Attempts that their worker gave back.
    pub(crate) released: usize,
    /// Attempts that began after a later attempt of the same execution, without a valid lease.
    pub(crate) late: usize,
}

/// The end of each execution, as first seen.
#[derive(Debug, Default)]
pub(crate) struct FirstEnds(HashMap<String, String>);

impl FirstEnds {
    /// Records the ends of all final executions, and checks that known ends have not changed.
    pub(crate) fn observe(&mut self, all: &[Value]) {
        for one in all.iter().filter(|one| is_final(one)) {
            let end = ["status", "attempt", "finishedAt", "result", "error"].map(|part| &one[part]);
            let end = format!("{end:?}");
            let id = id_of(one).to_owned();
            let first = self.0.entry(id).or_insert_with(|| end.clone());
            assert_eq!(*first, end, "a final execution changed: {one}");
        }
    }
}

/// True if the execution has ended.
pub(crate) fn is_final(execution: &Value) -> bool {
    !execution["finishedAt"].is_null()
}

/// Reads the list of executions, page by page.
pub(crate) fn list_executions(serving: SocketAddr) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/workers/executions?limit=1000{cursor}");
        let mut answer = http::get(serving, &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(page) = answer.body["executions"].as_array_mut() {
            all.append(page);
        }
        match answer.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Compares the three records with each other. Every execution must have ended.
pub(crate) fn check(
    serving: SocketAddr,
    all: &[Value],
    acknowledged: &[String],
    effects: &Effects,
) -> Totals {
    let history = effects.history();
    let stored: HashSet<_> = all.iter().map(id_of).collect();
    assert_eq!(stored.len(), all.len(), "an id is listed twice");
    for id in acknowledged {
        assert!(stored.contains(id.as_str()), "{id} was acknowledged: lost");
    }
    for (id, _) in &history.begun {
        assert!(stored.contains(id.as_str()), "{id} ran and is not stored");
    }
    let mut totals = Totals {
        executions: all.len(),
        begun: history.begun.len(),
        late: history.late,
        ..Totals::default()
    };
    let mut stored_attempts = HashSet::new();
    for execution in all {
        assert_eq!(execution["status"], "succeeded", "{execution}");
        assert_eq!(
            execution["result"], execution["attempt"],
            "the result is that of another attempt: {execution}"
        );
        for (number, outcome) in attempts(serving, execution) {
            let attempt = (id_of(execution).to_owned(), number);
            check_attempt(&attempt, &outcome, &history, &mut totals);
            assert!(
                stored_attempts.insert(attempt),
                "an attempt number is stored twice: {execution}"
            );
        }
    }
    for attempt in &history.begun {
        assert!(
            stored_attempts.contains(attempt),
            "{attempt:?} began and is not stored"
        );
    }
    totals
}

/// Reads the numbers and outcomes of the stored attempts. The list shows enough for an execution
/// with a single attempt.
fn attempts(serving: SocketAddr, execution: &Value) -> Vec<(u64, String)> {
    if execution["attempt"] == 1 {
        return vec![(1, "succeeded".to_owned())];
    }
    let shown = http::execution(serving, id_of(execution));
    let attempts = shown["attempts"].as_array().expect("attempts are a list");
    let budget = shown["maxAttempts"].as_u64().expect("a number");
    let read = |attempt: &Value| {
        let outcome = attempt["outcome"].as_str().expect("an ended attempt");
        (attempt["number"].as_u64().unwrap(), outcome.to_owned())
    };
    let attempts: Vec<_> = attempts.iter().map(read).collect();
    let increase = attempts.windows(2).all(|two| two[0].0 < two[1].0);
    assert!(increase, "attempt numbers do not increase: {shown}");
    let (last, earlier) = attempts.split_last().expect("at least one attempt");
    assert_eq!(last.1, "succeeded", "{shown}");
    assert_eq!(Some(last.0), shown["attempt"].as_u64(), "{shown}");
    let only_lost = earlier
        .iter()
        .all(|(_, outcome)| matches!(outcome.as_str(), "lost" | "released"));
    assert!(only_lost, "an attempt failed by itself: {shown}");
    let spent = earlier.iter().filter(|(_, outcome)| outcome == "lost");
    assert!(
        spent.count() < budget as usize,
        "more attempts were spent than allowed: {shown}"
    );
    attempts
}

fn check_attempt(attempt: &(String, u64), outcome: &str, history: &History, totals: &mut Totals) {
    match outcome {
        "lost" => totals.lost += 1,
        "released" => totals.released += 1,
        _ => {
            assert!(
                history.ended.contains(attempt),
                "{attempt:?} succeeded, and its handler did not end"
            );
            let overtaken = history.overtaken.contains(attempt);
            assert!(
                !overtaken,
                "a later attempt began before {attempt:?} succeeded"
            );
        }
    }
}

/// Checks that every execution took its first attempt and no other.
pub(crate) fn check_single_attempts(totals: Totals) {
    let Totals {
        executions, begun, ..
    } = totals;
    assert_eq!(begun, executions, "{totals:?}");
    assert_eq!((totals.lost, totals.released), (0, 0), "{totals:?}");
}

fn id_of(execution: &Value) -> &str {
    execution["id"].as_str().expect("an execution has an id")
}
