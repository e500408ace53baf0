//! What can happen in a story, in words that fit any situation.
//!
//! A step names sessions, fences and executions by how long ago they came up, and wraps around.
//! So any part of a story is a story as well, which is what makes long ones shrink to short ones.

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Counted back from the newest, around the end.
pub(super) type Ago = u8;

/// One of two handles.
pub(super) type Handle = u8;

/// Something that a worker, an operator or an application does. One line of a kept story.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Time passes.
    Pass {
        seconds: u8,
    },
    Enqueue {
        handle: Handle,
        items: Vec<Item>,
    },
    /// The same words again: the answer was lost.
    EnqueueAgain {
        handle: Handle,
        which: Ago,
    },
    Open {
        handle: Handle,
        name: u8,
    },
    Renew {
        handle: Handle,
        session: Ago,
    },
    Close {
        handle: Handle,
        session: Ago,
    },
    Claim {
        handle: Handle,
        session: Ago,
        jobs: u8,
        queues: u8,
        limit: u8,
    },
    /// The same words again, of a claim or a take-over.
    ClaimAgain {
        handle: Handle,
        which: Ago,
    },
    /// All sessions are looked at; their beats are what a take-over goes by later.
    Watch {
        handle: Handle,
    },
    TakeOver {
        handle: Handle,
        dead: Ago,
        by: Ago,
        limit: u8,
    },
    Settle {
        handle: Handle,
        ends: Vec<End>,
    },
    /// The same words again.
    SettleAgain {
        handle: Handle,
        which: Ago,
    },
    Report {
        handle: Handle,
        fence: AnyFence,
        percent: u8,
        message: bool,
    },
    Log {
        handle: Handle,
        fence: AnyFence,
        first: u8,
        lines: u8,
    },
    Promote {
        handle: Handle,
        limit: u8,
    },
    Cancel {
        handle: Handle,
        execution: Ago,
    },
    Retry {
        handle: Handle,
        execution: Ago,
        edited: bool,
    },
    Delete {
        handle: Handle,
        execution: Ago,
    },
    Look {
        handle: Handle,
        execution: Ago,
    },
}

/// An execution to enqueue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) job: u8,
    pub(super) queue: u8,
    pub(super) priority: u8,
    /// Seconds, also into the past.
    pub(super) delay: Option<i8>,
    pub(super) key: Option<u8>,
    pub(super) payload: u8,
}

/// A fence that was handed out, or almost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AnyFence {
    pub(super) which: Ago,
    pub(super) wrong: Wrong,
}

/// Which part of a fence was changed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wrong {
    Nothing,
    Claim,
    Attempt,
    Session,
}

/// The end of an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) fence: AnyFence,
    pub(super) how: How,
    pub(super) percent: Option<u8>,
    pub(super) lines: u8,
}

/// An outcome and what follows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    Success,
    Failure,
    Panic,
    Cancel,
    Release,
    Retry { seconds: u8 },
    TimedOut { seconds: u8 },
    Lost { seconds: u8 },
    Snooze { seconds: u8 },
}

/// Mostly of late.
fn ago() -> impl Strategy<Value = Ago> {
    prop_oneof![4 => 0_u8..3, 1 => 0_u8..30]
}

fn handle() -> impl Strategy<Value = Handle> {
    0_u8..2
}

fn item() -> impl Strategy<Value = Item> {
    let delay = prop_oneof![4 => Just(None), 2 => (1_i8..60).prop_map(Some), 1 => Just(Some(-5))];
    let key = prop_oneof![3 => Just(None), 1 => (0_u8..2).prop_map(Some)];
    (0_u8..3, 0_u8..2, 0_u8..3, delay, key, 0_u8..2).prop_map(
        |(job, queue, priority, delay, key, payload)| Item {
            job,
            queue,
            priority,
            delay,
            key,
            payload,
        },
    )
}

fn fence() -> impl Strategy<Value = AnyFence> {
    let wrong = prop_oneof![
        16 => Just(Wrong::Nothing),
        1 => Just(Wrong::Claim),
        1 => Just(Wrong::Attempt),
        1 => Just(Wrong::Session),
    ];
    (ago(), wrong).prop_map(|(which, wrong)| AnyFence { which, wrong })
}

fn end() -> impl Strategy<Value = End> {
    let how = prop_oneof![
        3 => Just(How::Success),
        2 => Just(How::Failure),
        1 => Just(How::Panic),
        1 => Just(How::Cancel),
        2 => Just(How::Release),
        3 => (0_u8..30).prop_map(|seconds| How::Retry { seconds }),
        1 => (0_u8..30).prop_map(|seconds| How::TimedOut { seconds }),
        1 => (0_u8..30).prop_map(|seconds| How::Lost { seconds }),
        1 => (0_u8..30).prop_map(|seconds| How::Snooze { seconds }),
    ];
    let percent = prop_oneof![2 => Just(None), 1 => (0_u8..100).prop_map(Some)];
    let lines = prop_oneof![3 => Just(0_u8), 1 => 1_u8..3];
    (fence(), how, percent, lines).prop_map(|(fence, how, percent, lines)| End {
        fence,
        how,
        percent,
        lines,
    })
}

fn step() -> impl Strategy<Value = Step> {
    // Which jobs and queues a claim names: all of them, mostly.
    let jobs = || prop_oneof![4 => Just(7_u8), 1 => 0_u8..8];
    let queues = || prop_oneof![3 => Just(0_u8), 1 => 1_u8..4];
    prop_oneof![
        3 => (1_u8..40).prop_map(|seconds| Step::Pass { seconds }),
        6 => (handle(), vec(item(), 1..4)).prop_map(|(handle, items)| Step::Enqueue { handle, items }),
        1 => (handle(), ago()).prop_map(|(handle, which)| Step::EnqueueAgain { handle, which }),
        2 => (handle(), 0_u8..2).prop_map(|(handle, name)| Step::Open { handle, name }),
        1 => (handle(), ago()).prop_map(|(handle, session)| Step::Renew { handle, session }),
        1 => (handle(), ago()).prop_map(|(handle, session)| Step::Close { handle, session }),
        8 => (handle(), ago(), jobs(), queues(), 0_u8..4).prop_map(
            |(handle, session, jobs, queues, limit)| Step::Claim { handle, session, jobs, queues, limit }
        ),
        1 => (handle(), ago()).prop_map(|(handle, which)| Step::ClaimAgain { handle, which }),
        2 => handle().prop_map(|handle| Step::Watch { handle }),
        3 => (handle(), ago(), ago(), 1_u8..4).prop_map(
            |(handle, dead, by, limit)| Step::TakeOver { handle, dead, by, limit }
        ),
        8 => (handle(), vec(end(), 1..4)).prop_map(|(handle, ends)| Step::Settle { handle, ends }),
        1 => (handle(), ago()).prop_map(|(handle, which)| Step::SettleAgain { handle, which }),
        1 => (handle(), fence(), 0_u8..=100, any::<bool>()).prop_map(
            |(handle, fence, percent, message)| Step::Report { handle, fence, percent, message }
        ),
        1 => (handle(), fence(), 1_u8..4, 1_u8..3).prop_map(
            |(handle, fence, first, lines)| Step::Log { handle, fence, first, lines }
        ),
        4 => (handle(), 1_u8..4).prop_map(|(handle, limit)| Step::Promote { handle, limit }),
        2 => (handle(), ago()).prop_map(|(handle, execution)| Step::Cancel { handle, execution }),
        2 => (handle(), ago(), any::<bool>()).prop_map(
            |(handle, execution, edited)| Step::Retry { handle, execution, edited }
        ),
        1 => (handle(), ago()).prop_map(|(handle, execution)| Step::Delete { handle, execution }),
        1 => (handle(), ago()).prop_map(|(handle, execution)| Step::Look { handle, execution }),
    ]
}

/// Stories of up to `steps` steps. Two workers are there from the beginning.
pub(super) fn stories(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=steps)
}
