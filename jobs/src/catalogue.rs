//! All jobs linked into a program.

mod fields;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::handler::Handler;
use crate::resource::ResourceRequest;
use crate::{JobDefinition, JobDescriptor, RetryPolicy, Source};

/// The jobs of a program, sorted by id.
///
/// Linking is the registration, and the linker's order is nobody's: the catalogue sorts, and
/// refuses two jobs that answer to one id.
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
    /// A crate that nothing references is not linked, whatever Cargo.toml says:
    /// `use my_jobs as _;` in the binary references it.
    ///
    /// # Errors
    /// See [`Catalogue::of`].
    pub fn linked() -> Result<Self, CatalogueError> {
        Self::of(
            inventory::iter::<&'static JobDefinition>
                .into_iter()
                .copied(),
        )
    }

    /// Makes a catalogue of these jobs.
    ///
    /// # Errors
    /// Two jobs with one id (or an id that is another's alias), payloads that are no JSON objects,
    /// defaults that are another value each time they are evaluated, keys that name fields which a
    /// payload does not have, and schedules of payloads that need more than defaults; all of them
    /// at once.
    pub fn of(
        definitions: impl IntoIterator<Item = &'static JobDefinition>,
    ) -> Result<Self, CatalogueError> {
        let mut definitions: Vec<_> = definitions.into_iter().collect();
        definitions.sort_by_key(|job| (job.id, job.source.module, job.source.line));

        let mut problems = Vec::new();
        let mut names: BTreeMap<&'static str, Source> = BTreeMap::new();
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
            let descriptor = JobDescriptor::of(definition);
            if !accepts_objects(&descriptor) {
                problems.push(Problem::NotAnObject {
                    id: definition.id,
                    source: definition.source,
                });
            }
            let fields = unstable_defaults(definition, &descriptor);
            if !fields.is_empty() {
                problems.push(Problem::UnstableDefault {
                    id: definition.id,
                    source: definition.source,
                    fields,
                });
            }
            problems.extend(fields::problems(definition, &descriptor));
            catalogue
                .aliases
                .extend(aliases.map(|alias| (alias, definition.id)));
            let job = CataloguedJob {
                definition,
                descriptor,
            };
            catalogue.jobs.insert(definition.id, job);
        }
        match problems.is_empty() {
            true => Ok(catalogue),
            false => Err(CatalogueError { problems }),
        }
    }

    /// The job that executes what was enqueued under `id`: its own id, or one of its aliases.
    pub fn get(&self, id: &str) -> Option<&CataloguedJob> {
        self.jobs
            .get(id)
            .or_else(|| self.jobs.get(self.aliases.get(id)?))
    }

    /// Every job, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &CataloguedJob> {
        self.jobs.values()
    }

    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether nothing is linked.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// Whether the schema describes objects. A reference or combination is taken for one: the
/// validator judges its payloads.
fn accepts_objects(descriptor: &JobDescriptor) -> bool {
    match descriptor.payload_schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => true,
    }
}

/// The fields whose defaults differ between two evaluations: `/field`, or `Type/field`.
///
/// A default is part of the schema, and the schema of the fingerprint: with the time or a random
/// number in it, each process would publish a job of its own.
fn unstable_defaults(definition: &JobDefinition, descriptor: &JobDescriptor) -> Vec<String> {
    let first = &descriptor.payload_schema;
    let mut fields = Vec::new();
    if has_default(first) {
        let again = (definition.payload_schema)().to_value();
        differences(first, &again, "", &mut fields);
    }
    fields
}

fn has_default(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.contains_key("default") || fields.values().any(has_default),
        Value::Array(items) => items.iter().any(has_default),
        _ => false,
    }
}

/// Names the fields around everything that differs.
fn differences(first: &Value, again: &Value, field: &str, found: &mut Vec<String>) {
    match (first, again) {
        (first, again) if first == again => {}
        (Value::Object(first), Value::Object(again)) if first.len() == again.len() => {
            for (name, value) in first {
                let Some(other) = again.get(name) else {
                    found.push(field.to_owned());
                    return;
                };
                match (name.as_str(), value) {
                    ("properties" | "$defs", Value::Object(named)) => {
                        let of_type = name == "$defs";
                        for (name, value) in named {
                            let other = other.get(name).unwrap_or(&Value::Null);
                            let name = match of_type {
                                true => name.clone(),
                                false => format!("{field}/{name}"),
                            };
                            differences(value, other, &name, found);
                        }
                    }
                    ("default", _) if value != other => found.push(field.to_owned()),
                    _ => differences(value, other, field, found),
                }
            }
        }
        (Value::Array(first), Value::Array(again)) if first.len() == again.len() => {
            for (first, again) in first.iter().zip(again) {
                differences(first, again, field, found);
            }
        }
        _ => found.push(field.to_owned()),
    }
}

impl CataloguedJob {
    /// The job's id.
    pub fn id(&self) -> &'static str {
        self.definition.id
    }

    /// The ids that its executions may have been enqueued under.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.definition.id]
            .into_iter()
            .chain(self.definition.aliases.iter().copied())
    }

    /// The job as it is published.
    pub fn descriptor(&self) -> &JobDescriptor {
        &self.descriptor
    }

    /// How it is executed.
    pub fn handler(&self) -> Handler {
        self.definition.handler
    }

    /// The by-reference arguments of its handler.
    pub fn resources(&self) -> &'static [ResourceRequest] {
        self.definition.resources
    }

    /// When its failed attempts are followed by another.
    pub fn retries(&self) -> RetryPolicy {
        self.definition.retries
    }

    /// Where it was written.
    pub fn source(&self) -> Source {
        self.definition.source
    }
}

/// Why the linked jobs make no catalogue.
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
    NotAnObject {
        id: &'static str,
        source: Source,
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
                    "two jobs answer to the id `{id}`: {first} and {second}; rename one"
                )?,
                Problem::NotAnObject { id, source } => write!(
                    f,
                    "the payload of job `{id}` ({source}) is not a JSON object; wrap it in a struct with named fields"
                )?,
                Problem::UnstableDefault { id, source, fields } => write!(
                    f,
                    "the payload of job `{id}` ({source}) has a default that is another value each \
                     time, at {}; make the field an `Option` and fill it in in the handler",
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
                        "`{key}` of job `{id}` ({source}) names the field `{field}`, which its payload does not have"
                    )?;
                    if let Some(near) = near {
                        write!(f, ", did you mean `{near}`?")?;
                    }
                    write!(f, " (in JSON it has: {})", known.join(", "))?;
                }
                Problem::ScheduleNeeds { id, source, fields } => write!(
                    f,
                    "job `{id}` ({source}) has a schedule, which enqueues the payload of defaults, and \
                     its payload requires {}; give each a default",
                    fields.join(", ")
                )?,
            }
        }
        Ok(())
    }
}
