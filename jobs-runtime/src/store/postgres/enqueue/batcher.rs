//! Where callers who enqueue at the same time meet, to share a commit.
//!
//! Each leaves its batch here and sends the lane for it. Whoever the lane runs first takes along
//! everything that has come in meanwhile; the others then find nothing left to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{Answers, Careful, Optimistic};
use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::pool::{Desk, Errand, Lane};
use crate::store::postgres::conn::text;
use crate::store::postgres::limits::{Known, Numbers, Wanted};
use crate::store::rules::dedup::needs_dedup;
use crate::store::{EnqueueAnswer, NewExecution, StoreError};

/// Rows after which a group takes no more callers, and bytes of payloads.
const ROWS: usize = 5_000;
const BYTES: usize = 16 << 20;

/// How long a group waits for callers who were in the group before and are just coming back.
const GATHERING: Duration = Duration::from_micros(60);

/// A caller with its batch.
pub(in crate::store::postgres) struct Call {
    pub(in crate::store::postgres) batch: Vec<NewExecution>,
    answer: oneshot::Sender<Result<Vec<EnqueueAnswer>, StoreError>>,
}

impl Call {
    fn bytes(&self) -> usize {
        self.batch.iter().map(|new| new.payload.len()).sum()
    }
}

/// Callers that wait for the lane.
#[derive(Default)]
struct Crowd {
    waiting: Mutex<Vec<Call>>,
    group_before: AtomicUsize,
}

impl Crowd {
    fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many callers as fit into a group, first come first served; those who do not wait any more
    /// are left out, because they were told that it timed out.
    fn take_group(&self) -> Vec<Call> {
        let mut waiting = self.lock();
        waiting.retain(|call| !call.answer.is_closed());
        let (mut rows, mut bytes) = (0, 0);
        let fitting = waiting.iter().take_while(|call| {
            let first = rows == 0;
            rows += call.batch.len();
            bytes += call.bytes();
            first || rows <= ROWS && bytes <= BYTES
        });
        let fitting = fitting.count();
        waiting.drain(..fitting).collect()
    }
}

/// The way in for new executions.
pub(in crate::store::postgres) struct Gate {
    /// Batches without keys and limits.
    plain: (Lane, Arc<Crowd>),
    /// Batches that need a look: they may have to wait for other transactions, and nobody shall wait for
    /// that without need.
    looking: (Lane, Arc<Crowd>),
}

impl Gate {
    pub(in crate::store::postgres) fn new(plain: Lane, looking: Lane) -> Self {
        Self {
            plain: (plain, Arc::default()),
            looking: (looking, Arc::default()),
        }
    }

    /// Creates a caller's executions.
    pub(in crate::store::postgres) async fn enqueue(
        &self,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        // Keys are looked up, and so are limits.
        let needs_a_look = |new: &NewExecution| needs_dedup(new) || !new.rules.limits.is_empty();
        let needs_a_look = batch.iter().any(needs_a_look);
        let (lane, crowd) = match needs_a_look {
            true => &self.looking,
            false => &self.plain,
        };
        lane.ask(|answer| {
            crowd.lock().push(Call { batch, answer });
            Box::new(Collect {
                crowd: Arc::clone(crowd),
                needs_a_look,
            })
        })
        .await
    }
}

struct Collect {
    crowd: Arc<Crowd>,
    needs_a_look: bool,
}

#[async_trait]
impl Errand for Collect {
    async fn run(self: Box<Self>, desk: &mut Desk) {
        // Most find that another has taken them along.
        if self.crowd.len() == 0 {
            return;
        }
        self.gather().await;
        let group = self.crowd.take_group();
        self.crowd
            .group_before
            .store(group.len(), Ordering::Relaxed);
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            let (returned, result) = self.write(desk, group).await;
            group = returned;
            match result {
                Ok(answers) => {
                    for (call, answer) in group.into_iter().zip(answers) {
                        // A caller that has left does not want its answer.
                        let _ = call.answer.send(answer.map_err(text::refusal));
                    }
                }
                // One that is refused, or has to wait for a lock, is tried in halves, so that a bad
                // call fails alone, and after the others; in an outage all fail at once.
                Err(fault) if group.len() > 1 && !fault.is_outage() => {
                    let second = group.split_off(group.len() / 2);
                    for part in [second, group] {
                        match part.len() {
                            1 => groups.insert(0, part),
                            _ => groups.push(part),
                        }
                    }
                }
                Err(fault) => fail(group, fault.at(desk.location())),
            }
        }
    }
}

impl Collect {
    /// Lets those come in who were answered by the group before and ask again: their threads need a
    /// moment, and a group without them would leave them to wait for a whole commit.
    async fn gather(&self) {
        let expected = self.crowd.group_before.load(Ordering::Relaxed);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let started = crate::clock::real_now();
        while self.crowd.len() < expected && started.elapsed() < GATHERING {
            std::thread::yield_now();
        }
    }

    /// Writes a group and gives it back to be answered.
    async fn write(
        &self,
        desk: &mut Desk,
        group: Vec<Call>,
    ) -> (Vec<Call>, Result<Answers, Fault>) {
        if self.needs_a_look {
            return write_carefully(desk, group).await;
        }
        let optimistic = Optimistic(group);
        match desk.perform(&optimistic).await {
            Err(fault) if fault.is_unique_violation() => write_carefully(desk, optimistic.0).await,
            result => (optimistic.0, result),
        }
    }
}

/// Writes a group after a look and gives it back to be answered. Limits that it brings are written
/// before, by themselves.
async fn write_carefully(desk: &mut Desk, calls: Vec<Call>) -> (Vec<Call>, Result<Answers, Fault>) {
    let wanted = Wanted::by(calls.iter().flat_map(|call| &call.batch));
    let limits = match wanted.is_empty() {
        true => Numbers::new(),
        false => match desk.perform(&Known(wanted)).await {
            Ok(limits) => limits,
            Err(fault) => return (calls, Err(fault)),
        },
    };
    let careful = Careful { calls, limits };
    let result = desk.perform(&careful).await;
    (careful.calls, result)
}

/// Answers every caller with the same failure.
fn fail(group: Vec<Call>, error: StoreError) {
    let mut error = Some(error);
    for call in group.into_iter().rev() {
        let Some(this) = error.take() else { return };
        error = Some(this.for_each_caller());
        let _ = call.answer.send(Err(this));
    }
}
