//! Schedules: one execution per time, overlap, pauses, revisions and the record of runs.

use jobs::{CatchUp, Overlap, ScheduleRule};

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "schedules" {
    a_schedule_is_read_as_it_was_written: "A schedule is read as it was written. A name exists once.",
    a_write_needs_the_present_revision: "An update, a deletion and a firing take effect only under the schedule's present revision, which grows with each.",
    a_time_creates_one_execution: "A time of a schedule creates one execution, also if it is fired again under a later revision.",
    concurrent_firings_create_one_execution: "Of concurrent firings of a time one takes effect; the others are stale.",
    processes_that_fire_create_one_execution: "Of firings of a time by two processes one takes effect.",
    only_due_schedules_are_returned: "Schedules that are due are returned by time. A schedule that is paused or absent is not due.",
    a_time_is_skipped_while_an_execution_is_live: "Unless the overlap is allowed, a time creates no execution while an earlier one of the schedule is not final.",
    a_queued_time_waits: "With the overlap `queue`, a firing changes nothing while an execution is live.",
    a_rejected_execution_is_recorded: "A time whose execution the store rejects is recorded as skipped, and the others run.",
    an_execution_with_limits_is_admitted: "The execution of a time takes part in the limits of its job.",
    a_manual_run_changes_no_time: "A manual run creates an execution beside the times of the schedule, and only if the schedule exists.",
    old_runs_are_deleted: "The newest 100 runs of a schedule are kept, and earlier ones whose execution is live.",
    a_live_execution_is_known_behind_many_runs: "However many times were skipped after it, a live execution of a schedule keeps later times from running.",
    a_schedule_is_deleted_with_its_runs: "A deleted schedule leaves its executions and no runs.",
    a_change_is_announced: "An event announces that a schedule was added, changed or deleted. Another process receives an event, too.",
}}

/// A schedule of the job `j` that is due at once.
async fn a_change_is_announced(TwoProcesses { here, there }: TwoProcesses) {
    let changed = |event: &StoreEvent| matches!(event, StoreEvent::SchedulesChanged);
    let told = |event: &StoreEvent| changed(event) || matches!(event, StoreEvent::Elsewhere);
    let (mut here_events, mut there_events) = (here.events(), there.events());
    add(&here, schedule("s")).await;
    event(&mut here_events, changed).await;
    event(&mut there_events, told).await;

    let (mut here_events, mut there_events) = (here.events(), there.events());
    let mut edited = read(&here, "s").await;
    edited.due_at = Some(t(120));
    assert!(here.update_schedule(edited).await.unwrap());
    event(&mut here_events, changed).await;
    event(&mut there_events, told).await;

    let (mut here_events, mut there_events) = (here.events(), there.events());
    let revision = read(&here, "s").await.revision;
    assert!(
        here.delete_schedule("s".to_owned(), revision)
            .await
            .unwrap()
    );
    event(&mut here_events, changed).await;
    event(&mut there_events, told).await;
}

fn schedule(name: &str) -> ScheduleRecord {
    ScheduleRecord {
        name: name.to_owned(),
        job_id: "j".to_owned(),
        revision: 1,
        rule: ScheduleRule::new("* * * * *"),
        payload: None,
        declared: None,
        overridden: false,
        paused_at: None,
        absent: None,
        evaluated_until: T0,
        due_at: Some(t(60)),
        created_at: T0,
        updated_at: T0,
    }
}

async fn add(store: &AnyStore, schedule: ScheduleRecord) {
    assert!(store.add_schedule(schedule, Vec::new()).await.unwrap());
}

async fn read(store: &AnyStore, name: &str) -> ScheduleRecord {
    let found = store.schedule(name.to_owned()).await.unwrap();
    found.expect("the schedule exists")
}

async fn runs(store: &AnyStore, name: &str) -> Vec<ScheduleRun> {
    store.schedule_runs(name.to_owned(), 1_000).await.unwrap()
}

/// A firing of these seconds after the start, each with an execution.
fn firing(schedule: &ScheduleRecord, seconds: &[u64]) -> Firing {
    let last = seconds.last().copied().unwrap_or(0);
    Firing {
        schedule: schedule.name.clone(),
        revision: schedule.revision,
        overlap: schedule.rule.overlap,
        runs: seconds
            .iter()
            .map(|second| NewRun {
                time: t(*second),
                start: Ok(Box::new(new("j"))),
            })
            .collect(),
        evaluated_until: t(last),
        due_at: Some(t(last + 60)),
        now: t(last),
    }
}

async fn fired(store: &AnyStore, firing: Firing) -> Vec<ScheduleRun> {
    match store.fire(firing).await.unwrap() {
        FireAnswer::Fired(runs) => runs,
        answer => panic!("{answer:?}"),
    }
}

/// The reason of each run; `None` for one with an execution.
fn reasons(runs: &[ScheduleRun]) -> Vec<Option<&str>> {
    runs.iter()
        .map(|run| run.skipped.as_ref().map(|skip| &*skip.reason))
        .collect()
}

async fn executions(store: &AnyStore) -> usize {
    let query = ExecutionQuery::newest(1_000);
    store.list_executions(query).await.unwrap().executions.len()
}

async fn a_schedule_is_read_as_it_was_written(store: AnyStore) {
    let mut written = schedule("report:1");
    written.rule = ScheduleRule {
        timezone: "Europe/Paris".to_owned(),
        catch_up: CatchUp::All(7),
        overlap: Overlap::Queue,
        jitter_ms: 30_000,
        ..ScheduleRule::new("0 30 3 L * *")
    };
    written.declared = Some(ScheduleRule::new("@daily"));
    written.overridden = true;
    written.payload = Some(r#"{"b":1.50, "a":"\u0000"}"#.to_owned());
    written.paused_at = Some(t(5));
    written.absent = Some(Absence::Declaration);
    written.due_at = None;
    add(&store, written.clone()).await;
    assert_eq!(read(&store, "report:1").await, written);
    let mut other = schedule("report:1");
    other.job_id = "other".to_owned();
    assert!(!store.add_schedule(other, Vec::new()).await.unwrap());
    add(&store, schedule("a")).await;
    let all = store.schedules().await.unwrap();
    assert_eq!(all, [schedule("a"), written]);
    assert_eq!(store.schedule("b".to_owned()).await.unwrap(), None);
}

async fn a_write_needs_the_present_revision(store: AnyStore) {
    add(&store, schedule("s")).await;
    let first = read(&store, "s").await;
    let mut changed = first.clone();
    changed.rule.cron = "@daily".to_owned();
    changed.updated_at = t(1);
    assert!(store.update_schedule(changed.clone()).await.unwrap());
    assert!(!store.update_schedule(changed.clone()).await.unwrap());
    let second = read(&store, "s").await;
    changed.revision = 2;
    assert_eq!(second, changed);
    let stale = store.fire(firing(&first, &[60])).await.unwrap();
    assert_eq!(stale, FireAnswer::Stale);
    fired(&store, firing(&second, &[60])).await;
    let third = read(&store, "s").await;
    assert_eq!((third.revision, third.evaluated_until), (3, t(60)));
    assert_eq!(third.due_at, Some(t(120)));
    assert!(!store.delete_schedule("s".to_owned(), 2).await.unwrap());
    assert!(store.delete_schedule("s".to_owned(), 3).await.unwrap());
    assert!(!store.update_schedule(third.clone()).await.unwrap());
    let gone = store.fire(firing(&third, &[120])).await.unwrap();
    assert_eq!(gone, FireAnswer::Stale);
}

async fn a_time_creates_one_execution(store: AnyStore) {
    let mut allow = schedule("s");
    allow.rule.overlap = Overlap::Allow;
    add(&store, allow).await;
    let first = read(&store, "s").await;
    let recorded = fired(&store, firing(&first, &[60, 120])).await;
    assert_eq!(reasons(&recorded), [None, None]);
    assert_eq!(
        store.fire(firing(&first, &[60])).await.unwrap(),
        FireAnswer::Stale
    );
    // A clock that went back, or an edit, lets the same times come again.
    let second = read(&store, "s").await;
    let again = fired(&store, firing(&second, &[60, 120, 180])).await;
    assert_eq!(again.len(), 1);
    assert_eq!(executions(&store).await, 3);
    let all = runs(&store, "s").await;
    assert_eq!(all, [again, recorded.into_iter().rev().collect()].concat());
    let created = record(&store, all[0].execution_id.unwrap()).await;
    assert_eq!(created.status, ExecutionStatus::Queued);
}

async fn concurrent_firings_create_one_execution(store: AnyStore) {
    for round in 0..5 {
        let name = format!("s{round}");
        add(&store, schedule(&name)).await;
        let read = read(&store, &name).await;
        let answers = at_once(8, |_| {
            let (store, firing) = (AnyStore::clone(&store), firing(&read, &[60]));
            async move { store.fire(firing).await.unwrap() }
        })
        .await;
        let fired = answers.iter().filter(|it| **it != FireAnswer::Stale);
        assert_eq!(fired.count(), 1, "{answers:?}");
        assert_eq!(executions(&store).await, round + 1);
    }
}

async fn processes_that_fire_create_one_execution(processes: TwoProcesses) {
    let stores = [processes.here, processes.there];
    for round in 0..5 {
        let name = format!("s{round}");
        add(&stores[0], schedule(&name)).await;
        let read = read(&stores[1], &name).await;
        let answers = at_once(8, |n| {
            let (store, firing) = (AnyStore::clone(&stores[n % 2]), firing(&read, &[60]));
            async move { store.fire(firing).await.unwrap() }
        })
        .await;
        let fired = answers.iter().filter(|it| **it != FireAnswer::Stale);
        assert_eq!(fired.count(), 1, "{answers:?}");
        assert_eq!(executions(&stores[0]).await, round + 1);
    }
}

async fn only_due_schedules_are_returned(store: AnyStore) {
    for (name, due_at) in [
        ("c", Some(t(30))),
        ("a", Some(t(60))),
        ("b", Some(t(90))),
        ("d", None),
    ] {
        add(
            &store,
            ScheduleRecord {
                due_at,
                ..schedule(name)
            },
        )
        .await;
    }
    let due = async |second, limit| {
        let due = store.due_schedules(t(second), limit).await.unwrap();
        let names: Vec<_> = due.schedules.into_iter().map(|it| it.name).collect();
        (names.join(""), due.next_due)
    };
    assert_eq!(due(29, 9).await, (String::new(), Some(t(30))));
    assert_eq!(due(60, 9).await, ("ca".to_owned(), Some(t(90))));
    assert_eq!(due(99, 2).await, ("ca".to_owned(), None));
}

async fn a_time_is_skipped_while_an_execution_is_live(store: AnyStore) {
    add(&store, schedule("s")).await;
    let both = fired(&store, firing(&read(&store, "s").await, &[60, 120])).await;
    assert_eq!(reasons(&both), [None, Some(Skip::OVERLAP)]);
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    let running = fired(&store, firing(&read(&store, "s").await, &[180])).await;
    assert_eq!(reasons(&running), [Some(Skip::OVERLAP)]);
    settle(&store, success(&claimed)).await;
    let after = fired(&store, firing(&read(&store, "s").await, &[240])).await;
    assert_eq!(reasons(&after), [None]);
    assert_eq!(executions(&store).await, 2);
}

async fn a_queued_time_waits(store: AnyStore) {
    let mut queue = schedule("s");
    queue.rule.overlap = Overlap::Queue;
    add(&store, queue).await;
    fired(&store, firing(&read(&store, "s").await, &[60])).await;
    let before = read(&store, "s").await;
    let waits = store.fire(firing(&before, &[120])).await.unwrap();
    assert_eq!(waits, FireAnswer::Waits);
    assert_eq!(read(&store, "s").await, before);
    let session = session(&store, "w").await;
    let claimed = claim_one(&store, session, 1).await;
    settle(&store, failure(&claimed)).await;
    let after = fired(&store, firing(&before, &[120])).await;
    assert_eq!(reasons(&after), [None]);
}

async fn a_rejected_execution_is_recorded(store: AnyStore) {
    let mut allow = schedule("s");
    allow.rule.overlap = Overlap::Allow;
    add(&store, allow).await;
    let mut firing = firing(&read(&store, "s").await, &[60, 120, 180]);
    for run in &mut firing.runs[..2] {
        run.start.as_mut().unwrap().rules.max_waiting = Some(1);
    }
    let recorded = fired(&store, firing).await;
    assert_eq!(reasons(&recorded), [None, Some(Skip::REJECTED), None]);
    assert!(recorded[1].execution_id.is_none());
    assert_eq!(executions(&store).await, 2);
}

async fn an_execution_with_limits_is_admitted(store: AnyStore) {
    let mut allow = schedule("s");
    allow.rule.overlap = Overlap::Allow;
    add(&store, allow).await;
    let limit = Limit {
        key: "j/concurrent".to_owned(),
        job_id: "j".to_owned(),
        rule: LimitRule::Concurrent { count: 1 },
    };
    let mut firing = firing(&read(&store, "s").await, &[60, 120]);
    for run in &mut firing.runs {
        run.start.as_mut().unwrap().rules.limits = vec![limit.clone()];
    }
    let recorded = fired(&store, firing).await;
    store.promote(T0, 100).await.unwrap();
    let session = session(&store, "w").await;
    let taken = store.claim(claim(session, 1, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), [recorded[0].execution_id.unwrap()]);
    settle(&store, success(&taken[0])).await;
    store.promote(T0, 100).await.unwrap();
    let taken = store.claim(claim(session, 2, &["j"], 9)).await.unwrap();
    assert_eq!(ids(&taken), [recorded[1].execution_id.unwrap()]);
}

async fn a_manual_run_changes_no_time(store: AnyStore) {
    add(&store, schedule("s")).await;
    let before = read(&store, "s").await;
    let execution = new("j");
    let run = store.run_schedule("s".to_owned(), execution.clone());
    let run = run.await.unwrap().expect("the schedule exists");
    assert_eq!(run.execution_id, Some(execution.id));
    assert!(run.manual);
    assert_eq!(read(&store, "s").await, before);
    assert_eq!(runs(&store, "s").await, [run]);
    // The execution is live, so the next time overlaps with it.
    let next = fired(&store, firing(&before, &[60])).await;
    assert_eq!(reasons(&next), [Some(Skip::OVERLAP)]);
    let nowhere = store.run_schedule("t".to_owned(), new("j")).await.unwrap();
    assert_eq!(nowhere, None);
    assert_eq!(executions(&store).await, 1);
}

async fn old_runs_are_deleted(store: AnyStore) {
    let mut allow = schedule("s");
    allow.rule.overlap = Overlap::Allow;
    add(&store, allow).await;
    let seconds: Vec<u64> = (1..=70).map(|n| n * 60).collect();
    for run in fired(&store, firing(&read(&store, "s").await, &seconds)).await {
        store.cancel(run.execution_id.unwrap(), T0).await.unwrap();
    }
    let seconds: Vec<u64> = (71..=130).map(|n| n * 60).collect();
    fired(&store, firing(&read(&store, "s").await, &seconds)).await;
    let kept = runs(&store, "s").await;
    assert_eq!(kept.len(), MAX_SCHEDULE_RUNS);
    assert_eq!((kept[0].time, kept[99].time), (t(130 * 60), t(31 * 60)));
    assert_eq!(executions(&store).await, 130);
}

async fn a_live_execution_is_known_behind_many_runs(store: AnyStore) {
    add(&store, schedule("s")).await;
    for minutes in [1..=60, 61..=120, 121..=180] {
        let seconds: Vec<u64> = minutes.map(|n| n * 60).collect();
        fired(&store, firing(&read(&store, "s").await, &seconds)).await;
    }
    assert_eq!(executions(&store).await, 1);
    let kept = runs(&store, "s").await;
    assert_eq!(kept.len(), MAX_SCHEDULE_RUNS + 1);
    let id = kept[MAX_SCHEDULE_RUNS].execution_id.unwrap();
    store.cancel(id, t(200 * 60)).await.unwrap();
    let again = fired(&store, firing(&read(&store, "s").await, &[181 * 60])).await;
    assert_eq!(reasons(&again), [None]);
    assert_eq!(runs(&store, "s").await.len(), MAX_SCHEDULE_RUNS);
}

async fn a_schedule_is_deleted_with_its_runs(store: AnyStore) {
    add(&store, schedule("s")).await;
    let recorded = fired(&store, firing(&read(&store, "s").await, &[60])).await;
    assert!(store.delete_schedule("s".to_owned(), 2).await.unwrap());
    assert_eq!(runs(&store, "s").await, []);
    assert_eq!(store.schedules().await.unwrap(), []);
    let id = recorded[0].execution_id.unwrap();
    assert_eq!(status(&store, id).await, ExecutionStatus::Queued);
    // A schedule with its runs, as a transfer adds it.
    assert!(
        store
            .add_schedule(schedule("s"), recorded.clone())
            .await
            .unwrap()
    );
    assert_eq!(runs(&store, "s").await, recorded);
}
