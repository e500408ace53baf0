//! A requirement of the contract, its check, and the verdict about a backend.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::backend::Backend;
use super::capabilities::{Capability, TestContext};

/// The time after which a check counts as hanging, in real time. It leaves room for a busy machine.
const DEADLINE: Duration = Duration::from_secs(900);

/// A requirement of the contract, with the code that checks it.
#[derive(Clone, Copy)]
pub struct Requirement {
    /// The part of the contract that it belongs to.
    pub area: &'static str,
    /// Its name, unique within the area. Reports and documents refer to it.
    pub name: &'static str,
    /// The requirement in one or two sentences.
    pub promise: &'static str,
    pub(super) check: Check,
}

/// The check of a requirement.
pub(super) type Check = fn(TestContext) -> BoxedVerdict;

pub(super) type BoxedVerdict = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// The result of a check on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The store meets the requirement.
    Passed,
    /// The store does not meet the requirement, for this reason.
    Failed(String),
    /// The requirement does not apply to this kind of store, for this reason.
    NotApplicable(&'static str),
}

impl Verdict {
    /// Returns `true` if the store does not meet the requirement.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "ok",
            Self::Failed(_) => "FAILED",
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
    /// Checks the requirement on a new database of the backend. A panic and a hang are failures.
    pub async fn run(&self, backend: Arc<dyn Backend>) -> Verdict {
        let context = match TestContext::create(&backend).await {
            Ok(context) => context,
            Err(verdict) => return verdict,
        };
        let running = AssertUnwindSafe((self.check)(context)).catch_unwind();
        match tokio::time::timeout(DEADLINE, running).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(panic)) => Verdict::Failed(panic_message(&*panic)),
            Err(_) => Verdict::Failed(format!("the check did not end within {DEADLINE:?}")),
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// Prepares the capability that a check needs and runs the check.
pub(super) async fn run_with<C: Capability, F: Future<Output: Into<Verdict>>>(
    context: TestContext,
    check: impl FnOnce(C) -> F,
) -> Verdict {
    match C::prepare(&context).await {
        Ok(capability) => check(capability).await.into(),
        Err(verdict) => verdict,
    }
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Passed
    }
}

/// The result of the model test: the error is the first mismatch.
impl From<Result<(), String>> for Verdict {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(reason) => Self::Failed(reason),
        }
    }
}

/// Declares the requirements of an area. Each name is also that of the function that checks it.
macro_rules! requirements {
    ($area:literal { $($name:ident: $promise:literal,)* }) => {
        pub(super) const REQUIREMENTS: &[$crate::conformance::Requirement] = &[$(
            $crate::conformance::Requirement {
                area: $area,
                name: stringify!($name),
                promise: $promise,
                check: |context| {
                    Box::pin($crate::conformance::requirement::run_with(context, $name))
                },
            },
        )*];
    };
}

pub(super) use requirements;
