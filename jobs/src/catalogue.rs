//! The catalogue: all jobs of a program, and the checks across them.
//!
//! The submodule `fields` compares the keys of each job with its payload's schema, and `defaults`
//! finds defaults that change. The catalogue reads definitions only: it imports no timer, no
//! database, no network and never the runtime.

mod defaults;
mod fields;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::catch_unwind;
use std::sync::OnceLock;

use serde_json::Value;

use crate::__private::panic_text;
use crate::handler::Handler;
use crate::payload::PayloadReader;
use crate::resource::ResourceRequest;
use crate::{JobDefinition, JobDescriptor, JobError, RetryPolicy, Source, Violation, upcast};

/// The jobs of a program, sorted by id.
///
/// Linking a job registers it. The linker's order is arbitrary, so the catalogue sorts the jobs. It
/// rejects two jobs with the same id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    jobs: BTreeMap<&'static str, CataloguedJob>,
    aliases: BTreeMap<&'static str, &'static str>,
}

/// A job of a catalogue.
#[derive(Clone, Debug)]
pub struct CataloguedJob {
    definition: &'static JobDefinition,
    descriptor: JobDescriptor,
}

impl Catalogue {
    /// Collects every job linked into this program.
    ///
    /// A dependency in Cargo.toml is not enough: the linker drops a crate that no code references.
    /// Reference it in the binary by `use my_jobs as _;`.
    ///
    /// The linker of a foreign program does the same to a `staticlib`: it takes only the object
    /// files that something references. Link the whole archive: `-Wl,--whole-archive` on Linux,
    /// `-Wl,-force_load` on macOS, `/WHOLEARCHIVE` on Windows.
    ///
    /// # Errors
    /// The errors of [`Catalogue::of`].
    pub fn linked() -> Result<Self, CatalogueError> {
        // Each test of an application builds this catalogue: a look at the clock, which may take a
        // second, is needed once.
        static IS_STABLE: OnceLock<()> = OnceLock::new();
        let linked = inventory::iter::<&'static JobDefinition>.into_iter();
        let catalogue = Self::build(linked.copied(), IS_STABLE.get().is_none())?;
        IS_STABLE.get_or_init(|| ());
        Ok(catalogue)
    }

    /// Builds a catalogue of these jobs.
    ///
    /// # Errors
    /// One error reports all problems of all jobs:
    ///
    /// * two jobs with the same id or alias, or the same routing key,
    /// * a payload that is not a JSON object,
    /// * a default that panics, or differs between two evaluations,
    /// * a key that names a field which the payload does not have,
    /// * a schedule of a job whose payload has required fields, or cannot be read without any.
    pub fn of(
        definitions: impl IntoIterator<Item = &'static JobDefinition>,
    ) -> Result<Self, CatalogueError> {
        Self::build(definitions, true)
    }

    fn build(
        definitions: impl IntoIterator<Item = &'static JobDefinition>,
        checks_defaults: bool,
    ) -> Result<Self, CatalogueError> {
        let mut definitions: Vec<_> = definitions.into_iter().collect();
        definitions.sort_by_key(|job| (job.id, job.source.module, job.source.line));

        let mut problems = Vec::new();
        let mut names: BTreeMap<&'static str, Source> = BTreeMap::new();
        let mut routing_keys: BTreeMap<String, (&str, Source)> = BTreeMap::new();
        let mut catalogue = Self::default();
        for definition in definitions {
            let aliases = definition.aliases.iter().copied();
            for name in aliases.clone().chain([definition.id]) {
                if let Some(first) = names.insert(name, definition.source) {
                    problems.push(Problem::Duplicate {
                        id: name,
                        first,
                        second: definition.source,
                    });
                }
            }
            let descriptor = match catch_unwind(|| JobDescriptor::of(definition)) {
                Ok(descriptor) => descriptor,
                Err(panic) => {
                    problems.push(Problem::Panic {
                        id: definition.id,
                        source: definition.source,
                        message: panic_text(&*panic).to_owned(),
                    });
                    continue;
                }
            };
            let key = descriptor.routing_key.clone();
            let named = (definition.id, definition.source);
            if let Some((id, first)) = routing_keys.insert(key.clone(), named)
                && id != definition.id
            {
                problems.push(Problem::DuplicateRoutingKey {
                    key,
                    first,
                    second: definition.source,
                });
            }
            if !accepts_objects(&descriptor) {
                problems.push(Problem::NotAnObject {
                    id: definition.id,
                    source: definition.source,
                });
            }
            problems.extend(fields::find_problems(definition, &descriptor));
            catalogue
                .aliases
                .extend(aliases.map(|alias| (alias, definition.id)));
            let job = CataloguedJob {
                definition,
                descriptor,
            };
            catalogue.jobs.insert(definition.id, job);
        }
        let checked = checks_defaults.then(|| catalogue.jobs.values());
        for (job, fields) in defaults::find_unstable(checked.into_iter().flatten()) {
            problems.push(Problem::UnstableDefault {
                id: job.id(),
                source: job.source(),
                fields,
            });
        }
        if problems.is_empty() {
            Ok(catalogue)
        } else {
            Err(CatalogueError { problems })
        }
    }

    /// The job with this id or alias.
    pub fn get(&self, id: &str) -> Option<&CataloguedJob> {
        self.jobs
            .get(id)
            .or_else(|| self.jobs.get(self.aliases.get(id)?))
    }

    /// Every job, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &CataloguedJob> {
        self.jobs.values()
    }

    /// The number of jobs.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Returns `true` if there are no jobs.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// Returns `false` if the payload schema excludes JSON objects.
///
/// A reference or a combination of schemas is accepted: validation checks each payload.
fn accepts_objects(descriptor: &JobDescriptor) -> bool {
    match descriptor.payload_schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => true,
    }
}

impl CataloguedJob {
    /// The job's id.
    pub fn id(&self) -> &'static str {
        self.definition.id
    }

    /// The job's id and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.definition.id]
            .into_iter()
            .chain(self.definition.aliases.iter().copied())
    }

    /// The job's published form.
    pub fn descriptor(&self) -> &JobDescriptor {
        &self.descriptor
    }

    /// The job's handler.
    pub fn handler(&self) -> Handler {
        self.definition.handler
    }

    /// The types of the handler's by-reference arguments.
    pub fn resources(&self) -> &'static [ResourceRequest] {
        self.definition.resources
    }

    /// Converts a stored payload as an attempt does, before the handler's types read it. Without
    /// the key `upcast` the payload stays as it is.
    ///
    /// # Errors
    /// The error of the `upcast` function.
    pub fn upcast<'a>(&self, payload: &'a str) -> Result<Cow<'a, str>, JobError> {
        upcast::convert(self.definition.upcast, payload)
    }

    /// The deserialiser of the job's payloads.
    pub fn reader(&self) -> PayloadReader {
        self.definition.reader
    }

    /// The number of attempts, and the delays between them.
    pub fn retries(&self) -> RetryPolicy {
        self.definition.retries
    }

    /// The source location of the job.
    pub fn source(&self) -> Source {
        self.definition.source
    }
}

/// The problems that prevent a catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueError {
    problems: Vec<Problem>,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Duplicate {
        id: &'static str,
        first: Source,
        second: Source,
    },
    DuplicateRoutingKey {
        key: String,
        first: Source,
        second: Source,
    },
    NotAnObject {
        id: &'static str,
        source: Source,
    },
    Panic {
        id: &'static str,
        source: Source,
        message: String,
    },
    UnstableDefault {
        id: &'static str,
        source: Source,
        fields: Vec<String>,
    },
    UnknownField {
        id: &'static str,
        source: Source,
        key: &'static str,
        field: &'static str,
        near: Option<String>,
        known: Vec<String>,
    },
    ScheduleNeeds {
        id: &'static str,
        source: Source,
        fields: Vec<String>,
    },
    ScheduleCannotRead {
        id: &'static str,
        source: Source,
        violation: Violation,
    },
}

impl std::error::Error for CatalogueError {}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            match problem {
                Problem::Duplicate { id, first, second } => write!(
                    f,
                    "two jobs have the id or alias `{id}`: {first} and {second}; rename one"
                )?,
                Problem::DuplicateRoutingKey { key, first, second } => write!(
                    f,
                    "two jobs have the routing key `{key}`: {first} and {second}; change one"
                )?,
                Problem::NotAnObject { id, source } => write!(
                    f,
                    "the payload of job `{id}` ({source}) is not a JSON object; wrap it in a \
                     struct with named fields"
                )?,
                Problem::Panic {
                    id,
                    source,
                    message,
                } => write!(
                    f,
                    "the schemas of job `{id}` ({source}) cannot be made: {message}"
                )?,
                Problem::UnstableDefault { id, source, fields } => write!(
                    f,
                    "the payload of job `{id}` ({source}) has a default whose value changes, at \
                     {}; make the field an `Option` and set the value in the handler",
                    fields.join(", ")
                )?,
                Problem::UnknownField {
                    id,
                    source,
                    key,
                    field,
                    near,
                    known,
                } => {
                    write!(
                        f,
                        "`{key}` of job `{id}` ({source}) names the field `{field}`, which its \
                         payload does not have"
                    )?;
                    if let Some(near) = near {
                        write!(f, ", did you mean `{near}`?")?;
                    }
                    write!(f, " (its fields in JSON: {})", known.join(", "))?;
                }
                Problem::ScheduleNeeds { id, source, fields } => write!(
                    f,
                    "job `{id}` ({source}) has a schedule, which enqueues a payload of defaults \
                     only, but its payload requires {}; give each field a default",
                    fields.join(", ")
                )?,
                Problem::ScheduleCannotRead {
                    id,
                    source,
                    violation,
                } => write!(
                    f,
                    "job `{id}` ({source}) has a schedule, which enqueues a payload of defaults \
                     only, but its type refuses the payload `{{}}`: {}",
                    violation.message
                )?,
            }
        }
        Ok(())
    }
}
