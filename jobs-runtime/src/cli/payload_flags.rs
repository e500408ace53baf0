//! Command line flags for the fields of a payload: `--workspace-id ws-1` becomes
//! `{"workspaceId": "ws-1"}`.

use std::ffi::OsString;
use std::io::Read;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jobs::JobDescriptor;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::printable::{self, argument};
use super::table::{paragraph, table};

/// A payload field with its flag.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    /// The name in JSON.
    name: String,
    kind: Kind,
    required: bool,
    help: String,
}

/// The conversion of a flag's text to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A string.
    Text,
    /// A boolean: `--force`, or `--force false`.
    Switch,
    /// Any other type: the text is parsed as JSON, and is a string if that fails.
    Json,
    /// An array. The flag is repeatable; each value is an item, either a string or like `Json`.
    List {
        /// True if the items are strings.
        text: bool,
    },
}

/// The command `trigger JOB` or `exec JOB`: the options and a flag per payload field.
#[derive(Debug)]
pub(super) struct JobCommand {
    fields: Vec<Field>,
    command: Command,
}

impl JobCommand {
    /// `options` are the flags that the command has for every job. A field with the name of an
    /// option has no flag of its own; `--field` sets it.
    pub(super) fn new(name: &'static str, job: &JobDescriptor, options: Vec<Arg>) -> Self {
        let mut command = without_fields(name, options)
            .bin_name(format!("{name} {}", job.id))
            .about(printable::line(&job.label).into_owned())
            .long_about(paragraph(&job.description));
        let fields = fields_of(&job.payload_schema);
        for field in &fields {
            let flag = kebab(&field.name);
            let taken = command.get_arguments().any(|arg| {
                arg.get_long() == Some(&flag) || arg.get_id() == field.arg_id().as_str()
            });
            if !taken && flag != "help" {
                command = command.arg(field.arg(flag));
            }
        }
        Self { fields, command }
    }

    /// Parses the arguments after the job's id.
    ///
    /// A value may begin with a hyphen. The flag of another option is no value: it stands where one
    /// is missing.
    pub(super) fn parse(&self, rest: &[OsString]) -> Result<ArgMatches, clap::Error> {
        for pair in rest.windows(2) {
            let (flag, value) = (pair[0].to_string_lossy(), pair[1].to_string_lossy());
            if self.takes_value(&flag) && self.is_flag(&value) {
                let (flag, value) = (printable::line(&flag), printable::line(&value));
                return Err(self.command.clone().error(
                    clap::error::ErrorKind::InvalidValue,
                    format!(
                        "`{flag}` has no value, because `{value}` is an option; to give this text, \
                         write `{flag}={value}`"
                    ),
                ));
            }
        }
        let parse = |words: &[OsString]| self.command.clone().try_get_matches_from(words);
        parse(rest).map_err(|message| {
            // The parser quotes the words. It says the same about printable ones.
            let words: Vec<OsString> = rest.iter().map(|it| argument(it).into()).collect();
            parse(&words).err().unwrap_or(message)
        })
    }

    /// True for a long flag that needs a value as the next argument.
    fn takes_value(&self, word: &str) -> bool {
        self.option(word).is_some_and(|arg| {
            arg.get_action().takes_values() && arg.get_num_args().is_none_or(|n| n.min_values() > 0)
        })
    }

    /// True for the long flag of an option, with or without a value.
    fn is_flag(&self, word: &str) -> bool {
        let flag = word.split('=').next().unwrap_or_default();
        self.option(flag).is_some() || flag == "--help"
    }

    fn option(&self, flag: &str) -> Option<&Arg> {
        let name = flag.strip_prefix("--")?;
        let mut options = self.command.get_arguments();
        options.find(|arg| arg.get_long() == Some(name))
    }

    /// A table of the payload's fields and their flags.
    pub(super) fn payload_help(&self) -> String {
        payload_help(&self.fields)
    }

    /// Builds the payload as JSON text: `--payload`, changed by `--field` and then by the field
    /// flags. Values of arrays are appended.
    pub(super) fn payload(&self, matches: &ArgMatches) -> Result<String, Failure> {
        let given = matches.get_one::<String>(PAYLOAD);
        let (text, mut payload) = match given.map(String::as_str) {
            None => (None, Map::new()),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|error| {
                        Failure::usage(format!(
                            "cannot read the payload from standard input: {error}"
                        ))
                    })?;
                let payload = object(&text)?;
                (Some(text), payload)
            }
            Some(text) => (Some(text.to_owned()), object(text)?),
        };
        let mut changed = false;
        for pair in matches.get_many::<String>(FIELD).into_iter().flatten() {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Failure::usage(format!(
                    "`--field {pair}` has no value: write `--field NAME=VALUE`"
                )));
            };
            let kind = self.kind_of(name);
            put(&mut payload, name, kind, value);
            changed = true;
        }
        for field in &self.fields {
            let values = matches
                .try_get_many::<String>(&field.arg_id())
                .ok()
                .flatten();
            for value in values.into_iter().flatten() {
                put(&mut payload, &field.name, field.kind, value);
                changed = true;
            }
        }
        match text {
            // Without other flags the text stays as written, to the byte.
            Some(text) if !changed => Ok(text),
            _ => Ok(Value::Object(payload).to_string()),
        }
    }

    fn kind_of(&self, name: &str) -> Kind {
        let field = self.fields.iter().find(|field| field.name == name);
        field.map_or(Kind::Json, |field| field.kind)
    }
}

const PAYLOAD: &str = "jobs:payload";
const FIELD: &str = "jobs:field";

impl Field {
    fn arg_id(&self) -> String {
        format!("field:{}", self.name)
    }

    fn arg(&self, flag: String) -> Arg {
        let arg = Arg::new(self.arg_id())
            .long(flag)
            .help(self.help.clone())
            .help_heading("Payload");
        match self.kind {
            Kind::Text => arg.value_name("TEXT").allow_hyphen_values(true),
            Kind::Json => arg.value_name("JSON").allow_hyphen_values(true),
            Kind::List { .. } => arg
                .value_name("ITEM")
                .action(ArgAction::Append)
                .allow_hyphen_values(true),
            Kind::Switch => arg
                .value_name("true|false")
                .num_args(0..=1)
                .default_missing_value("true")
                .value_parser(["true", "false"]),
        }
    }
}

/// The command `trigger` or `exec` for any job, without the flags of payload fields.
pub(super) fn without_fields(name: &'static str, options: Vec<Arg>) -> Command {
    Command::new(name)
        .no_binary_name(true)
        .args(options)
        .arg(
            Arg::new(PAYLOAD)
                .long("payload")
                .value_name("JSON")
                .help("Payload as a JSON object; `-` reads it from standard input"),
        )
        .arg(
            Arg::new(FIELD)
                .long("field")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .help("Payload field by its JSON name; repeatable"),
        )
}

/// A table of the fields of a job's payload and their flags.
pub(super) fn fields_help(job: &JobDescriptor) -> String {
    payload_help(&fields_of(&job.payload_schema))
}

fn payload_help(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "Payload: no fields\n".to_owned();
    }
    let rows = fields.iter().map(|field| {
        let value = match field.kind {
            Kind::Text => "TEXT",
            Kind::Json => "JSON",
            Kind::List { .. } => "ITEM (repeatable)",
            Kind::Switch => "true|false",
        };
        [
            format!("  --{}", kebab(&field.name)),
            value.to_owned(),
            field.help.clone(),
        ]
    });
    table(["Payload:", "", ""], rows)
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(payload)) => Ok(payload),
        Ok(_) => Err(Failure::usage(
            "the payload is not a JSON object: write `{\"field\": …}`",
        )),
        Err(error) => Err(Failure::usage(format!("the payload is not JSON: {error}"))),
    }
}

fn put(payload: &mut Map<String, Value>, name: &str, kind: Kind, value: &str) {
    let json = || serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    let value = match kind {
        Kind::Text => Value::from(value),
        Kind::Switch | Kind::Json => json(),
        Kind::List { text } => {
            let item = if text { Value::from(value) } else { json() };
            let list = payload
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = list {
                items.push(item);
            }
            return;
        }
    };
    payload.insert(name.to_owned(), value);
}

/// The top-level properties of a schema; required fields come first.
fn fields_of(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema["properties"].as_object();
    let mut fields: Vec<Field> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let required = required.contains(&name.as_str());
            Field {
                name: name.clone(),
                kind: kind_of(schema, property),
                required,
                help: help_of(property, required),
            }
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

fn help_of(property: &Value, required: bool) -> String {
    let description = property["description"].as_str().unwrap_or_default();
    let mut help = description.replace('\n', " ");
    if required {
        help.push_str(" [required]");
    }
    if let Some(default) = property.get("default") {
        let default = match default.as_str() {
            Some(text) => text.to_owned(),
            None => default.to_string(),
        };
        help.push_str(&format!(" [default: {default}]"));
    }
    printable::line(help.trim()).into_owned()
}

fn kind_of(root: &Value, property: &Value) -> Kind {
    let property = resolve(root, property);
    // `Option<T>` has two alternatives, of which one is null.
    if let Some(choices) = property["anyOf"].as_array() {
        let mut choices = choices.iter().filter(|choice| choice["type"] != "null");
        return match (choices.next(), choices.next()) {
            (Some(only), None) => kind_of(root, only),
            _ => Kind::Json,
        };
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut types = types.into_iter().filter(|kind| *kind != "null");
    match (types.next(), types.next()) {
        (Some("string"), None) => Kind::Text,
        (Some("boolean"), None) => Kind::Switch,
        (Some("array"), None) => Kind::List {
            text: kind_of(root, &property["items"]) == Kind::Text,
        },
        (None, _) if property["enum"].is_array() => Kind::Text,
        _ => Kind::Json,
    }
}

/// Follows a reference into the schema's own definitions.
fn resolve<'a>(root: &'a Value, property: &'a Value) -> &'a Value {
    property["$ref"]
        .as_str()
        .and_then(|reference| root.pointer(reference.strip_prefix('#')?))
        .unwrap_or(property)
}

/// `workspaceId` and `workspace_id` → `workspace-id`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter == '_' {
            kebab.push('-');
        } else if letter.is_uppercase() {
            if !kebab.is_empty() && !kebab.ends_with('-') {
                kebab.push('-');
            }
            kebab.extend(letter.to_lowercase());
        } else {
            kebab.push(letter);
        }
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(args: &[&str], expected: &Value) {
        let schema = json!({
            "type": "object",
            "properties": {
                "workspaceId": {"type": "string"},
                "copies": {"type": "integer"},
                "dry_run": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "note": {"type": ["string", "null"]},
                "when": {"$ref": "#/$defs/When"},
            },
            "required": ["workspaceId"],
            "$defs": {"When": {"type": "string", "enum": ["now", "later"]}},
        });
        let command = JobCommand {
            fields: fields_of(&schema),
            command: Command::new("trigger").no_binary_name(true),
        };
        let mut built = command.command.clone().args([
            Arg::new(PAYLOAD).long("payload"),
            Arg::new(FIELD).long("field").action(ArgAction::Append),
        ]);
        for field in &command.fields {
            built = built.arg(field.arg(kebab(&field.name)));
        }
        let matches = built.try_get_matches_from(args).expect("valid flags");
        let payload = command.payload(&matches).expect("a payload");
        assert_eq!(
            &serde_json::from_str::<Value>(&payload).expect("JSON"),
            expected
        );
    }

    #[test]
    fn flags_become_fields() {
        check(
            &[
                "--workspace-id",
                "7",
                "--copies",
                "2",
                "--dry-run",
                "--when",
                "now",
            ],
            &json!({"workspaceId": "7", "copies": 2, "dry_run": true, "when": "now"}),
        );
        check(
            &[
                "--tags",
                "a",
                "--tags",
                "1",
                "--note",
                "null",
                "--dry-run",
                "false",
            ],
            &json!({"tags": ["a", "1"], "note": "null", "dry_run": false}),
        );
        check(
            &[
                "--payload",
                r#"{"copies": 1}"#,
                "--field",
                "copies=3",
                "--field",
                "workspaceId=1",
            ],
            &json!({"copies": 3, "workspaceId": "1"}),
        );
    }
}
