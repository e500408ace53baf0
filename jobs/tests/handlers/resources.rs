//! By-reference arguments, and the functions that build them.

use std::sync::Arc;

use jobs::runtime::{BuiltResource, ResourceDefinition, ResourceRequest, Resources};
use jobs::{JobContext, JobError, job, resource};

use crate::support::{block_on, linked, run_with};

struct Database(&'static str);

trait Greeter: Send + Sync {
    fn greet(&self, name: &str) -> String;
}

struct Polite;

impl Greeter for Polite {
    fn greet(&self, name: &str) -> String {
        format!("good day, {name}")
    }
}

struct Settings {
    volume: u8,
}

#[resource]
async fn database() -> Result<Database, std::io::Error> {
    Ok(Database("members"))
}

#[resource]
fn settings() -> Settings {
    Settings { volume: 3 }
}

#[resource]
async fn greeter() -> Result<Arc<dyn Greeter>, String> {
    Ok(Arc::new(Polite))
}

#[resource]
fn numbers() -> Arc<[u8]> {
    Arc::new([1, 2])
}

struct Absent;

#[resource]
async fn absent() -> Result<Absent, String> {
    Err("not today".to_owned())
}

#[job(id = "resources.greet")]
async fn greet(
    db: &Database,
    greeter: &dyn Greeter,
    ctx: &JobContext,
    settings: &Settings,
    name: String,
) -> Result<String, JobError> {
    ctx.check()?;
    Ok(format!(
        "{} {} {}",
        greeter.greet(&name),
        db.0,
        settings.volume
    ))
}

fn built(request: &ResourceRequest) -> Option<BuiltResource> {
    let definition = ResourceDefinition::linked()
        .into_iter()
        .find(|definition| definition.provides().type_id() == request.type_id())?;
    Some(block_on(definition.build(&Resources::default())).expect("builds"))
}

#[test]
fn a_handler_receives_resources_by_their_types() {
    let job = linked::<Greet>();
    assert_eq!(job.resources().len(), 4);
    let resources: Vec<_> = job.resources().iter().filter_map(built).collect();
    assert_eq!(resources.len(), 3, "all but the context");
    let result = run_with::<Greet>(resources, r#"{"name": "Ada"}"#);
    assert_eq!(result.expect("succeeds"), "\"good day, Ada members 3\"");
}

#[test]
fn an_arc_of_an_unsized_type_provides_that_type() {
    assert!(built(&ResourceRequest::of::<[u8]>()).is_some());
    assert!(built(&ResourceRequest::of::<Arc<[u8]>>()).is_none());
}

#[test]
fn a_missing_resource_fails_the_attempt_for_good() {
    let error = run_with::<Greet>([], r#"{"name": "Ada"}"#).expect_err("fails");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("Database"), "{error}");
}

#[test]
fn a_resource_that_fails_returns_its_error_and_source() {
    let definition = ResourceDefinition::linked()
        .into_iter()
        .find(|definition| {
            definition.provides().type_id() == ResourceRequest::of::<Absent>().type_id()
        })
        .expect("linked");
    let error = block_on(definition.build(&Resources::default())).expect_err("fails");
    assert_eq!(error.to_string(), "not today");
    let source = definition.source();
    assert_eq!(source.module, "handlers::resources");
    let mut lines = include_str!("resources.rs")
        .lines()
        .skip(source.line as usize - 1);
    assert_eq!(lines.next(), Some("#[resource]"));
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("async fn absent()"))
    );
}

#[test]
fn resource_functions_stay_callable() {
    assert_eq!(settings().volume, 3);
    assert_eq!(&*numbers(), [1, 2]);
    assert!(block_on(database()).is_ok());
    assert!(block_on(absent()).is_err());
    assert_eq!(
        block_on(greeter()).map(|g| g.greet("x")),
        Ok("good day, x".to_owned())
    );
}
