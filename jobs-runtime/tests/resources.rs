//! Resources are built before the worker starts; a missing one fails the start.

#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jobs::{Catalogue, Job, JobError, job};
use jobs_runtime::{Runtime, RuntimeBuilder};

/// Has no provider.
struct Nowhere;

/// Provided by `counted`, with the number of its calls.
struct Counted(usize);

static BUILT: AtomicUsize = AtomicUsize::new(0);

#[jobs::resource]
async fn counted() -> Counted {
    Counted(BUILT.fetch_add(1, Ordering::SeqCst) + 1)
}

/// Cannot be built.
struct Broken;

#[jobs::resource]
async fn broken() -> Result<Broken, std::io::Error> {
    Err(std::io::Error::other("the disk is on fire"))
}

trait Greets: Send + Sync {
    fn greet(&self) -> String;
}

struct Polite;

impl Greets for Polite {
    fn greet(&self) -> String {
        "good day".to_owned()
    }
}

#[job(id = "needs.nowhere", retries = 0)]
async fn needs_nowhere(_nowhere: &Nowhere) -> Result<(), JobError> {
    Ok(())
}

#[job(id = "needs.broken", retries = 0)]
async fn needs_broken(_broken: &Broken) -> Result<(), JobError> {
    Ok(())
}

#[job(id = "needs.counted", retries = 0)]
async fn needs_counted(counted: &Counted) -> Result<usize, JobError> {
    Ok(counted.0)
}

#[job(id = "needs.greets", retries = 0)]
async fn needs_greets(greets: &dyn Greets) -> Result<String, JobError> {
    Ok(greets.greet())
}

/// Returns a runtime with these jobs only.
fn of(definitions: &[&'static jobs::JobDefinition]) -> RuntimeBuilder {
    let catalogue = Catalogue::of(definitions.iter().copied()).unwrap();
    Runtime::builder()
        .database("sqlite::memory:")
        .catalogue(catalogue)
}

#[tokio::test]
async fn a_missing_resource_fails_the_start_and_names_job_type_and_fix() {
    let jobs = [NeedsNowhere::definition(), NeedsBroken::definition()];
    let error = of(&jobs).start().await.unwrap_err().to_string();
    for part in [
        "`needs.nowhere`",
        "resources::Nowhere",
        "#[jobs::resource]",
        "resources::Broken",
        "the disk is on fire",
    ] {
        assert!(error.contains(part), "no {part} in: {error}");
    }
}

#[tokio::test]
async fn a_resource_is_built_once_and_only_by_processes_that_need_it() {
    let jobs = [NeedsCounted::definition()];
    let enqueuer = of(&jobs).workers(false).start().await.unwrap();
    assert_eq!(BUILT.load(Ordering::SeqCst), 0, "nothing is executed here");

    let store = Arc::clone(enqueuer.store());
    let worker = of(&jobs).store(store).start().await.unwrap();
    for _ in 0..3 {
        let execution = worker.client().enqueue(NeedsCounted::new()).await.unwrap();
        assert_eq!(execution.result().await.unwrap(), 1);
    }
    assert_eq!(BUILT.load(Ordering::SeqCst), 1);

    let given = of(&jobs).resource(Counted(7)).start().await.unwrap();
    let execution = given.client().enqueue(NeedsCounted::new()).await.unwrap();
    assert_eq!(
        execution.result().await.unwrap(),
        7,
        "a provided resource takes precedence over a linked one"
    );
    assert_eq!(BUILT.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unsized_resources_are_provided_in_an_arc() {
    let greets: Arc<dyn Greets> = Arc::new(Polite);
    let runtime = of(&[NeedsGreets::definition()]).shared_resource(greets);
    let runtime = runtime.start().await.unwrap();
    let execution = runtime.client().enqueue(NeedsGreets::new()).await.unwrap();
    assert_eq!(execution.result().await.unwrap(), "good day");
}

/// Built from two other resources.
struct Pool(String);

/// Built from another resource.
struct DbAddress(String);

#[jobs::resource]
async fn pool(url: &DbAddress, greets: &dyn Greets) -> Result<Pool, std::io::Error> {
    Ok(Pool(format!("{} {}", url.0, greets.greet())))
}

#[jobs::resource]
fn url(settings: &Settings) -> DbAddress {
    DbAddress(format!("db/{}", settings.0))
}

/// Given by the application.
struct Settings(&'static str);

#[job(id = "needs.pool", retries = 0)]
async fn needs_pool(pool: &Pool) -> Result<String, JobError> {
    Ok(pool.0.clone())
}

#[tokio::test]
async fn a_resource_is_built_after_those_that_it_borrows() {
    let greets: Arc<dyn Greets> = Arc::new(Polite);
    let runtime = of(&[NeedsPool::definition()])
        .shared_resource(greets)
        .resource(Settings("members"));
    let runtime = runtime.start().await.unwrap();
    let execution = runtime.client().enqueue(NeedsPool::new()).await.unwrap();
    assert_eq!(execution.result().await.unwrap(), "db/members good day");
}

#[tokio::test]
async fn a_missing_resource_of_a_resource_is_named_with_it() {
    let start = of(&[NeedsPool::definition()]).start().await;
    let error = start.unwrap_err().to_string();
    for part in [
        "resource `resources::DbAddress` borrows a `resources::Settings`",
        "resource `resources::Pool` borrows a `dyn resources::Greets`",
    ] {
        assert!(error.contains(part), "no {part} in: {error}");
    }
    assert!(!error.contains("cannot build"), "{error}");
}

struct Hen;
struct Egg;

#[jobs::resource]
fn hen(_egg: &Egg) -> Hen {
    Hen
}

#[jobs::resource]
fn egg(_hen: &Hen) -> Egg {
    Egg
}

#[job(id = "needs.hen", retries = 0)]
async fn needs_hen(_hen: &Hen) -> Result<(), JobError> {
    Ok(())
}

#[tokio::test]
async fn a_cycle_of_resources_fails_the_start_and_is_named() {
    let start = of(&[NeedsHen::definition()]).start().await;
    let error = start.unwrap_err().to_string();
    let cycle = "`resources::Hen` borrows `resources::Egg` borrows `resources::Hen`";
    assert!(error.contains(cycle), "{error}");
    // A given value ends the cycle.
    let runtime = of(&[NeedsHen::definition()]).resource(Egg).start().await;
    runtime.unwrap().shutdown().await;
}
