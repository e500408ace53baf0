//! Construction of the resources that handlers borrow, before the worker starts.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::runtime::{
    BuiltResource, ResourceDefinition, ResourceRequest, Resources, error_text, panic_text,
};
use jobs::{CataloguedJob, Source};

use crate::clock::real;

/// The time after which the log names a resource that is still being built.
const SLOW: Duration = Duration::from_secs(10);

/// The longest time in which a resource is built for an awaited child.
const LATER: Duration = Duration::from_secs(30);

/// The resources of a worker: those of its jobs, and those that awaited children need later.
pub(crate) struct WorkerResources {
    built: Resources,
    /// Jobs whose resources are built before their first attempt.
    later: Vec<CataloguedJob>,
    built_later: tokio::sync::Mutex<Resources>,
}

impl WorkerResources {
    /// The resources of a worker without jobs.
    #[cfg(feature = "http")]
    pub(crate) fn none() -> Self {
        Self {
            built: Resources::default(),
            later: Vec::new(),
            built_later: tokio::sync::Mutex::default(),
        }
    }

    /// Builds every resource that one of `jobs` borrows, and none for `later`. A resource in
    /// `given` takes precedence over a linked definition of the same type.
    ///
    /// # Errors
    /// All resources that are missing, are defined twice, borrow themselves or fail to build, in
    /// one error.
    pub(crate) async fn build(
        jobs: &[CataloguedJob],
        later: Vec<CataloguedJob>,
        given: Vec<BuiltResource>,
    ) -> Result<Self, ResourceErrors> {
        let given: Resources = given.into_iter().collect();
        let built = given.with(build_missing(jobs, &given).await?);
        Ok(Self {
            built_later: tokio::sync::Mutex::new(built.clone()),
            built,
            later,
        })
    }

    /// The resources for an attempt of this job.
    ///
    /// # Errors
    /// A resource that was left for later cannot be built.
    pub(crate) async fn of(&self, job_id: &str) -> Result<Resources, String> {
        let Some(job) = self.later.iter().find(|job| job.id() == job_id) else {
            return Ok(self.built.clone());
        };
        let mut built = self.built_later.lock().await;
        let missing = build_missing(std::slice::from_ref(job), &built);
        // Real time: no virtual clock sees what the function waits for.
        match real::timeout(LATER, missing).await {
            Ok(Ok(missing)) => {
                *built = built.with(missing);
                Ok(built.clone())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("its resources were not built within {LATER:?}")),
        }
    }
}

/// Builds the resources of these jobs that are not built yet, and those that they borrow.
async fn build_missing(
    jobs: &[CataloguedJob],
    built: &Resources,
) -> Result<Vec<BuiltResource>, ResourceErrors> {
    let mut problems = Vec::new();
    let linked = linked(&mut problems);
    let is_built = |request: &ResourceRequest| built.has(request);
    let order = build_order(jobs, &linked, is_built, &mut problems);
    let mut available = built.clone();
    let mut missing = Vec::new();
    for definition in order {
        if !definition.needed().iter().all(|need| available.has(need)) {
            // The problem of the needed resource is reported.
            continue;
        }
        let type_name = definition.provides().type_name();
        // The function's panic may come before its future exists.
        let building = async { definition.build(&available).await };
        let building = AssertUnwindSafe(building).catch_unwind();
        let reason = match log_if_slow(building, definition, type_name).await {
            Ok(Ok(resource)) => {
                available = available.with([resource.clone()]);
                missing.push(resource);
                continue;
            }
            Ok(Err(error)) => error_text(&*error),
            Err(panic) => format!("it panicked: {}", panic_text(panic)),
        };
        problems.push(Problem::Failed {
            type_name,
            source: definition.source(),
            reason,
        });
    }
    if problems.is_empty() {
        Ok(missing)
    } else {
        Err(ResourceErrors(problems))
    }
}

/// The definitions of the resources of these jobs, each after those that it borrows.
fn build_order(
    jobs: &[CataloguedJob],
    linked: &HashMap<TypeId, &'static ResourceDefinition>,
    is_built: impl Fn(&ResourceRequest) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<&'static ResourceDefinition> {
    let mut order = BuildOrder {
        linked,
        is_built,
        problems,
        visited: HashSet::new(),
        path: Vec::new(),
        definitions: Vec::new(),
    };
    for (request, job) in requests(jobs) {
        order.visit(&request, &format!("job `{job}`"));
    }
    order.definitions
}

/// A depth-first search over the resources that functions borrow.
struct BuildOrder<'a, F> {
    linked: &'a HashMap<TypeId, &'static ResourceDefinition>,
    is_built: F,
    problems: &'a mut Vec<Problem>,
    visited: HashSet<TypeId>,
    /// The resources that are being visited: each is borrowed by the one before.
    path: Vec<ResourceRequest>,
    definitions: Vec<&'static ResourceDefinition>,
}

impl<F: Fn(&ResourceRequest) -> bool> BuildOrder<'_, F> {
    fn visit(&mut self, request: &ResourceRequest, borrower: &str) {
        let id = request.type_id();
        if (self.is_built)(request) {
            return;
        }
        let on_path = self.path.iter().position(|other| other.type_id() == id);
        if let Some(first) = on_path {
            let cycle = self.path[first..].iter().chain([request]);
            let type_names = cycle.map(ResourceRequest::type_name).collect();
            self.problems.push(Problem::Cycle { type_names });
            return;
        }
        if !self.visited.insert(id) {
            return;
        }
        let Some(definition) = self.linked.get(&id) else {
            self.problems.push(Problem::Missing {
                type_name: request.type_name(),
                borrower: borrower.to_owned(),
            });
            return;
        };
        self.path.push(*request);
        for need in definition.needed() {
            let borrower = format!("resource `{}`", request.type_name());
            self.visit(need, &borrower);
        }
        self.path.pop();
        self.definitions.push(definition);
    }
}

/// Waits for a resource, and says so if that takes long.
async fn log_if_slow<T>(
    building: impl Future<Output = T>,
    definition: &ResourceDefinition,
    type_name: &str,
) -> T {
    let mut building = pin!(building);
    // Real time: no virtual clock sees what the function waits for.
    match real::timeout(SLOW, &mut building).await {
        Ok(built) => built,
        Err(_) => {
            let source = definition.source();
            tracing::warn!("still building the resource `{type_name}` ({source}) after {SLOW:?}");
            building.await
        }
    }
}

/// Checks that a value is given or a function is linked for every resource. Builds none.
///
/// # Errors
/// All resources that are missing, are defined twice or borrow themselves, in one error.
#[cfg(feature = "cli")]
pub(crate) fn check(jobs: &[CataloguedJob], given: &[BuiltResource]) -> Result<(), ResourceErrors> {
    let mut problems = Vec::new();
    let linked = linked(&mut problems);
    let is_given = |request: &ResourceRequest| {
        let type_id = request.type_id();
        given.iter().any(|given| given.type_id() == type_id)
    };
    build_order(jobs, &linked, is_given, &mut problems);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ResourceErrors(problems))
    }
}

/// Each borrowed type once, with the first job that borrows it.
fn requests(jobs: &[CataloguedJob]) -> Vec<(ResourceRequest, &'static str)> {
    let mut requests: Vec<(ResourceRequest, &'static str)> = Vec::new();
    for job in jobs {
        for request in job.resources() {
            let known = requests
                .iter()
                .any(|(known, _)| known.type_id() == request.type_id());
            if !known && !jobs::__private::is_context(request) {
                requests.push((*request, job.id()));
            }
        }
    }
    requests
}

/// The linked definitions by type. A type that is defined twice is added to `problems`.
fn linked(problems: &mut Vec<Problem>) -> HashMap<TypeId, &'static ResourceDefinition> {
    let mut linked: HashMap<TypeId, &'static ResourceDefinition> = HashMap::new();
    for definition in ResourceDefinition::linked() {
        let provides = definition.provides();
        if let Some(first) = linked.insert(provides.type_id(), definition) {
            problems.push(Problem::Twice {
                type_name: provides.type_name(),
                first: first.source(),
                second: definition.source(),
            });
        }
    }
    linked
}

/// The error of a start whose resources could not be built.
#[derive(Debug)]
pub struct ResourceErrors(Vec<Problem>);

#[derive(Debug)]
enum Problem {
    Missing {
        type_name: &'static str,
        /// The job or the resource that borrows it.
        borrower: String,
    },
    Cycle {
        type_names: Vec<&'static str>,
    },
    Twice {
        type_name: &'static str,
        first: Source,
        second: Source,
    },
    Failed {
        type_name: &'static str,
        source: Source,
        reason: String,
    },
}

impl std::error::Error for ResourceErrors {}

impl fmt::Display for ResourceErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            match problem {
                Problem::Cycle { type_names } => write!(
                    f,
                    "the resource `{}` needs itself: `{}`; remove one of these arguments",
                    type_names.first().unwrap_or(&""),
                    type_names.join("` borrows `")
                )?,
                Problem::Missing {
                    type_name,
                    borrower,
                } => write!(
                    f,
                    "{borrower} borrows a `{type_name}` that nothing provides: put \
                     `#[jobs::resource]` on a function that returns one, or give it to \
                     `Runtime::builder().resource(..)`"
                )?,
                Problem::Twice {
                    type_name,
                    first,
                    second,
                } => write!(
                    f,
                    "two functions provide a `{type_name}`: {first} and {second}; keep one"
                )?,
                Problem::Failed {
                    type_name,
                    source,
                    reason,
                } => write!(
                    f,
                    "cannot build the resource `{type_name}` ({source}): {reason}"
                )?,
            }
        }
        Ok(())
    }
}
