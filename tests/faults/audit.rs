//! What has to hold after whatever happened to a fleet: recomputed from the attempts on record,
//! from what was acknowledged and from the effects that handlers left.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use serde_json::Value;
use tests::http;

use super::effects::{Effects, Story};

/// What was found, for those who want to know more than that it is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Executions in the store.
    pub(crate) executions: usize,
    /// Attempts that a handler was called for.
    pub(crate) begun: usize,
    /// Attempts whose worker had gone.
    pub(crate) lost: usize,
    /// Attempts that their worker gave back.
    pub(crate) released: usize,
    /// Attempts that began after a later one, with no more right to anything.
    pub(crate) late: usize,
}

/// How executions ended, as it was first seen.
#[derive(Debug, Default)]
pub(crate) struct Finals(HashMap<String, String>);

impl Finals {
    /// Looks at all of them. What has ended once stays as it is.
    pub(crate) fn observe(&mut self, all: &[Value]) {
        for one in all.iter().filter(|one| is_final(one)) {
            let end = ["status", "attempt", "finishedAt", "result", "error"].map(|part| &one[part]);
            let end = format!("{end:?}");
            let id = id_of(one).to_owned();
            let first = self.0.entry(id).or_insert_with(|| end.clone());
            assert_eq!(*first, end, "an end never changes: {one}");
        }
    }
}

/// Whether it has ended.
pub(crate) fn is_final(execution: &Value) -> bool {
    !execution["finishedAt"].is_null()
}

/// Every page of the feed.
pub(crate) fn feed(front: SocketAddr) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/workers/executions?limit=1000{cursor}");
        let mut answer = http::get(front, &path);
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

/// Holds everything against everything. All executions have ended.
pub(crate) fn audit(
    front: SocketAddr,
    all: &[Value],
    acknowledged: &[String],
    effects: &Effects,
) -> Account {
    let story = effects.story();
    let there: HashSet<_> = all.iter().map(id_of).collect();
    assert_eq!(there.len(), all.len(), "an id names one execution");
    for id in acknowledged {
        assert!(there.contains(id.as_str()), "{id} was acknowledged: lost");
    }
    for (id, _) in &story.begun {
        assert!(there.contains(id.as_str()), "{id} ran and is not on record");
    }
    let mut account = Account {
        executions: all.len(),
        begun: story.begun.len(),
        late: story.late,
        ..Account::default()
    };
    let mut on_record = HashSet::new();
    for execution in all {
        assert_eq!(execution["status"], "succeeded", "{execution}");
        assert_eq!(
            execution["result"], execution["attempt"],
            "the success is that of the attempt which holds it: {execution}"
        );
        for (number, outcome) in attempts(front, execution) {
            let attempt = (id_of(execution).to_owned(), number);
            check_attempt(&attempt, &outcome, &story, &mut account);
            assert!(on_record.insert(attempt), "a number twice: {execution}");
        }
    }
    for attempt in &story.begun {
        assert!(on_record.contains(attempt), "{attempt:?} is not on record");
    }
    account
}

/// The attempts on record, with their outcomes. Of a single one, the feed tells all.
fn attempts(front: SocketAddr, execution: &Value) -> Vec<(u64, String)> {
    if execution["attempt"] == 1 {
        return vec![(1, "succeeded".to_owned())];
    }
    let shown = http::execution(front, id_of(execution));
    let attempts = shown["attempts"].as_array().expect("attempts");
    let budget = shown["maxAttempts"].as_u64().expect("a number");
    let read = |attempt: &Value| {
        let outcome = attempt["outcome"].as_str().expect("it has ended");
        (attempt["number"].as_u64().unwrap(), outcome.to_owned())
    };
    let attempts: Vec<_> = attempts.iter().map(read).collect();
    let grow = attempts.windows(2).all(|two| two[0].0 < two[1].0);
    assert!(grow, "numbers grow: {shown}");
    let (last, earlier) = attempts.split_last().expect("at least one");
    assert_eq!(last.1, "succeeded", "{shown}");
    assert_eq!(Some(last.0), shown["attempt"].as_u64(), "{shown}");
    let only_lost = earlier
        .iter()
        .all(|(_, outcome)| matches!(outcome.as_str(), "lost" | "released"));
    assert!(only_lost, "nothing fails here: {shown}");
    let spent = earlier.iter().filter(|(_, outcome)| outcome == "lost");
    assert!(spent.count() < budget as usize, "the budget holds: {shown}");
    attempts
}

fn check_attempt(attempt: &(String, u64), outcome: &str, story: &Story, account: &mut Account) {
    match outcome {
        "lost" => account.lost += 1,
        "released" => account.released += 1,
        _ => {
            assert!(story.ended.contains(attempt), "{attempt:?} succeeded unrun");
            let next = story.overtaken.contains(attempt);
            assert!(!next, "another ran beside {attempt:?}, which succeeded");
        }
    }
}

/// Every execution took its first attempt and no other.
pub(crate) fn check_once(account: Account) {
    let Account {
        executions, begun, ..
    } = account;
    assert_eq!(begun, executions, "{account:?}");
    assert_eq!((account.lost, account.released), (0, 0), "{account:?}");
}

fn id_of(execution: &Value) -> &str {
    execution["id"].as_str().expect("an id")
}
