//! A worker executes what was enqueued before it started.

use std::sync::Arc;

use jobs::Job;

use crate::SystemClock;
use crate::bench::error::BenchError;
use crate::bench::history;
use crate::bench::load::{Finishes, Work, client_on, runtime_on};
use crate::bench::meter::Counters;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::Trial;
use crate::bench::work::{Keyed, Plain};
use crate::clock::{real_now, timestamp};
use crate::store::{Caps, Claim, SessionId, SessionInfo, Store};
use crate::time::Timestamp;

/// What there is beside the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// A transaction that keeps its snapshot.
    Snapshot,
    /// Executions that wait at limits, whose permits a worker elsewhere has.
    Blocked,
}

/// Executes so many in a place.
pub(super) async fn trial(
    place: &Place,
    plan: &Plan,
    work: Work,
    beside: Beside,
) -> Result<Trial, BenchError> {
    let store = place.open().await?;
    let mut snapshot = place.gauge().await?;
    if beside == Beside::Snapshot {
        snapshot.pin().await?;
    }
    let elsewhere = match beside {
        Beside::Blocked => Some(Elsewhere::hold(&store, plan).await?),
        _ => None,
    };
    let executions = plan.executions();
    let client = client_on(&store).await?;
    work.enqueue(&client.client(), executions, plan.batch)
        .await?;
    drop(client);
    let store = reopened(place, store).await?;

    let counters = Counters::read(place.gauge().await?).await?;
    let mut finishes = Finishes::of(&*store);
    if let Some(elsewhere) = &elsewhere {
        elsewhere.renew(&*store).await?;
    }
    let meter = counters.start();
    let worker = runtime_on(&store)?.concurrency(plan.concurrency);
    let worker = match beside {
        // The blocked ones are somebody else's.
        Beside::Blocked => worker.jobs([Plain::ID]),
        _ => worker,
    };
    let worker = worker.start().await?;
    finishes.reach(executions, &worker).await?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop(worker);
    verify(&*store, executions).await?;
    drop(store);
    let usage = meter.read().await?;
    Ok(Trial::new(executions, usage))
}

/// The same store on connections of its own, so that what was done before is not counted.
async fn reopened(place: &Place, store: Arc<dyn Store>) -> Result<Arc<dyn Store>, BenchError> {
    if place.is_in_memory() {
        return Ok(store);
    }
    drop(store);
    place.open().await
}

/// Counts what has succeeded, in the store.
async fn verify(store: &dyn Store, expected: u64) -> Result<(), BenchError> {
    let Some(archive) = store.transfer() else {
        return Ok(());
    };
    let found = archive.row_counts().await?.succeeded;
    match found == expected {
        true => Ok(()),
        false => Err(BenchError::Missing { found, expected }),
    }
}

/// A place with finished executions.
pub(super) async fn full_place(plan: &Plan) -> Result<Place, BenchError> {
    let place = Place::fresh(&plan.database);
    if place.is_in_memory() {
        return Err(BenchError::Senseless(
            "`retained` takes a store that outlives its connection: sqlite:FILE or postgres://…",
        ));
    }
    let store = place.open().await?;
    history::fill(&*store, plan.retained).await?;
    drop(store);
    place.gauge().await?.tidy().await?;
    Ok(place)
}

/// Executes so many where others have finished before, then turns pages.
pub(super) async fn among_finished(place: &Place, plan: &Plan) -> Result<Trial, BenchError> {
    let executions = plan.executions();
    let store = place.open().await?;
    let client = client_on(&store).await?;
    Work::Plain
        .enqueue(&client.client(), executions, plan.batch)
        .await?;
    drop((client, store));

    let counters = Counters::read(place.gauge().await?).await?;
    let store = place.open().await?;
    let mut finishes = Finishes::of(&*store);
    let meter = counters.start();
    let worker = runtime_on(&store)?.concurrency(plan.concurrency);
    let worker = worker.start().await?;
    finishes.reach(executions, &worker).await?;
    let meter = meter.stop();
    worker.shutdown().await;
    drop(worker);
    let feed = crate::bench::histogram::Histogram::default();
    for query in history::pages()
        .into_iter()
        .cycle()
        .take(20 * history::pages().len())
    {
        let asked = real_now();
        store.list_executions(query).await?;
        feed.record(asked.elapsed());
    }
    drop(store);
    let usage = meter.read().await?;
    Ok(Trial {
        feed,
        ..Trial::new(executions, usage)
    })
}

/// A worker that is not there, with a permit of each key.
struct Elsewhere {
    session: SessionId,
    clock: SystemClock,
}

impl Elsewhere {
    /// Enqueues as many executions as are to be blocked, and one of each key that has its permit.
    async fn hold(store: &Arc<dyn Store>, plan: &Plan) -> Result<Self, BenchError> {
        let client = client_on(store).await?;
        let keyed = Work::Keyed(plan.keys);
        keyed
            .enqueue(&client.client(), plan.blocked + plan.keys, plan.batch)
            .await?;
        let clock = SystemClock::new();
        let now = timestamp(&clock);
        let session = store
            .open_session(SessionInfo {
                worker: "elsewhere".to_owned(),
                opened_at: now,
                job_ids: Vec::new(),
                queues: Vec::new(),
                labels: Vec::new(),
                slot_caps: Vec::new(),
            })
            .await?;
        let elsewhere = Self { session, clock };
        let mut held = 0;
        for number in 1.. {
            store.promote(now, 1_000).await?;
            let claimed = store.claim(elsewhere.claim(number, now)).await?.len() as u64;
            held += claimed;
            if held >= plan.keys {
                break;
            }
            elsewhere.renew(&**store).await?;
        }
        // Those behind them find their places.
        let at_once = |at: Timestamp| at <= now;
        while store
            .promote(now, 1_000)
            .await?
            .next_due
            .is_some_and(at_once)
        {
            elsewhere.renew(&**store).await?;
        }
        Ok(elsewhere)
    }

    fn claim(&self, number: i64, now: Timestamp) -> Claim {
        Claim {
            session: self.session,
            number,
            job_ids: vec![Keyed::ID.to_owned()],
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: 1_000,
            caps: Caps::default(),
            now,
        }
    }

    async fn renew(&self, store: &dyn Store) -> Result<(), BenchError> {
        store.renew(self.session, timestamp(&self.clock)).await?;
        Ok(())
    }
}
