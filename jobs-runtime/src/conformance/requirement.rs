//! A point of the contract, and what becomes of it on a backend.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::backend::Backend;
use super::capabilities::{Capability, TestContext};

/// A point that takes longer hangs. In real time, with room for a busy machine.
const DEADLINE: Duration = Duration::from_secs(900);

/// One promise of the contract, and how to see whether a store keeps it.
#[derive(Clone, Copy)]
pub struct Requirement {
    /// The part of the contract it belongs to.
    pub area: &'static str,
    /// Its name within the area. Names stay: people and reports refer to them.
    pub name: &'static str,
    /// What is promised, in a sentence.
    pub promise: &'static str,
    pub(super) run: Run,
}

/// How a point is put to the test.
#[derive(Clone, Copy)]
pub(super) enum Run {
    Now(fn(TestContext) -> BoxedVerdict),
    /// Not by now: what it waits for.
    Later(&'static str),
}

pub(super) type BoxedVerdict = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// What became of a point on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The promise is kept.
    Passed,
    /// The promise is broken: how that showed.
    Failed(String),
    /// The contract does not ask for it yet: what it waits for.
    NotYet(&'static str),
    /// It is no question for this kind of store: why.
    NotApplicable(&'static str),
}

impl Verdict {
    /// Whether the promise is broken.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "ok",
            Self::Failed(_) => "FAILED",
            Self::NotYet(_) => "not yet",
            Self::NotApplicable(_) => "n/a",
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.area, self.name)
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Requirement {
    /// What later work the point waits for; `None` if it is put to the test today.
    pub fn waits_for(&self) -> Option<&'static str> {
        match self.run {
            Run::Now(_) => None,
            Run::Later(what) => Some(what),
        }
    }

    /// Puts the point to the test on a database of its own. A panic and a hang are failures.
    pub async fn run(&self, backend: Arc<dyn Backend>) -> Verdict {
        let run = match self.run {
            Run::Now(run) => run,
            Run::Later(what) => return Verdict::NotYet(what),
        };
        let context = match TestContext::fresh(&backend).await {
            Ok(context) => context,
            Err(verdict) => return verdict,
        };
        let running = AssertUnwindSafe(run(context)).catch_unwind();
        match tokio::time::timeout(DEADLINE, running).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(panic)) => Verdict::Failed(message(&*panic)),
            Err(_) => Verdict::Failed(format!("no end within {DEADLINE:?}")),
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// Prepares what a point needs and runs it.
pub(super) async fn run_with<N: Capability, F: Future<Output: Into<Verdict>>>(
    context: TestContext,
    point: impl FnOnce(N) -> F,
) -> Verdict {
    match N::prepare(&context).await {
        Ok(need) => point(need).await.into(),
        Err(verdict) => verdict,
    }
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Passed
    }
}

/// The mismatch that a machine has found.
impl From<Result<(), String>> for Verdict {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(reason) => Self::Failed(reason),
        }
    }
}

/// The requirements of an area, as a table: the name of the function that shows it, and the promise.
macro_rules! requirements {
    ($area:literal { $($name:ident: $promise:literal,)* }) => {
        pub(super) const REQUIREMENTS: &[$crate::conformance::Requirement] = &[$(
            $crate::conformance::Requirement {
                area: $area,
                name: stringify!($name),
                promise: $promise,
                run: $crate::conformance::requirement::Run::Now(|context| {
                    Box::pin($crate::conformance::requirement::run_with(context, $name))
                }),
            },
        )*];
    };
}

pub(super) use requirements;
