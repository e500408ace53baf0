//! Command line flags for the fields of a payload: `--workspace-id ws-1` becomes
//! `{"workspaceId": "ws-1"}`.
//!
//! | module | contents |
//! |---|---|
//! | `fields` | the fields of a schema, each with its flag and the kind of its values |
//! | `members` | the members of a payload as JSON text, changed by flags |
//!
//! The folder may import the arguments of commands, the failures and the tables of `cli`. It must
//! never import a command or the settings.

mod fields;
mod members;

use std::ffi::OsString;
use std::io::Read;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jobs::JobDescriptor;

use super::args::JobArgs;
use super::failure::Failure;
use super::printable::{self, argument};
use super::table::{paragraph, table};
use fields::{Field, Kind, fields_of};
use members::Members;

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
        let command = without_fields(name, options)
            .bin_name(format!("{name} {}", job.id))
            .about(printable::line(&job.label).into_owned())
            .long_about(paragraph(&job.description));
        Self::with_fields(command, fields_of(&job.payload_schema))
    }

    /// Adds the flags of the fields. The help lists none that directly behind the job's id is a
    /// flag of the program.
    fn with_fields(mut command: Command, mut fields: Vec<Field>) -> Self {
        let program_flags = JobArgs::program_flags();
        for field in &mut fields {
            let flag = field.flag();
            let is_of_program = program_flags.contains(&flag);
            let is_taken = flag == "help"
                || command.get_arguments().any(|arg| {
                    arg.get_long() == Some(&flag) || arg.get_id() == field.arg_id().as_str()
                });
            field.has_flag = !is_taken && !is_of_program;
            if !is_taken {
                command = command.arg(field.arg().hide(is_of_program));
            }
        }
        let others: Vec<_> = fields.iter().filter(|field| !field.has_flag).collect();
        if !others.is_empty() {
            let rows = others.iter().map(|field| field.row());
            let heading = "Payload fields without a flag:";
            command = command.after_help(table([heading, "", ""], rows));
        }
        Self { fields, command }
    }

    /// Refuses flags of the program behind the job's id that may be meant for a field. `given` are
    /// the flags there, without their hyphens.
    pub(super) fn refuse_program_flags(&self, given: &[String]) -> Result<(), Failure> {
        let is_meant = |field: &&Field| {
            let flag = field.flag();
            let option = self.option(&format!("--{flag}"));
            let is_of_field = option.is_some_and(|arg| arg.get_id() == field.arg_id().as_str());
            is_of_field && given.contains(&flag)
        };
        let Some(field) = self.fields.iter().find(is_meant) else {
            return Ok(());
        };
        let (flag, name, command) = (field.flag(), &field.name, self.command.get_name());
        Err(Failure::usage(format!(
            "`--{flag}` behind the job's id is a flag of the program, and the payload has the \
             field `{name}`: for the field, write `--field {name}=VALUE` or `{command} JOB -- \
             --{flag} VALUE`; for the program, write the flag before `{command}`"
        )))
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
    /// flags. Values of arrays are appended. Members without a flag stay as written.
    pub(super) fn payload(&self, matches: &ArgMatches) -> Result<String, Failure> {
        let given = given_payload(matches)?;
        let mut members = match &given {
            Some(text) => Members::parse(text)?,
            None => Members::default(),
        };
        let changes = self.changes(matches)?;
        match given {
            // Without other flags the text stays as written, to the byte.
            Some(text) if changes.is_empty() => Ok(text),
            _ => {
                for Change { name, kind, values } in changes {
                    members.set(name, kind, &values)?;
                }
                members.into_text()
            }
        }
    }

    /// The changes that `--field` and the field flags ask for, in this order.
    fn changes<'a>(&'a self, matches: &'a ArgMatches) -> Result<Vec<Change<'a>>, Failure> {
        let mut changes = Vec::new();
        for pair in matches.get_many::<String>(FIELD).into_iter().flatten() {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Failure::usage(format!(
                    "`--field {pair}` has no value: write `--field NAME=VALUE`"
                )));
            };
            let (kind, values) = (self.kind_of(name), vec![value]);
            changes.push(Change { name, kind, values });
        }
        for field in &self.fields {
            let values = matches.try_get_many::<String>(&field.arg_id());
            if let Ok(Some(values)) = values {
                changes.push(Change {
                    name: &field.name,
                    kind: field.kind,
                    values: values.map(String::as_str).collect(),
                });
            }
        }
        Ok(changes)
    }

    fn kind_of(&self, name: &str) -> Kind {
        let field = self.fields.iter().find(|field| field.name == name);
        field.map_or(Kind::Json, |field| field.kind)
    }
}

/// The values that flags give to one field.
struct Change<'a> {
    name: &'a str,
    kind: Kind,
    values: Vec<&'a str>,
}

/// The text of `--payload`, or of standard input.
fn given_payload(matches: &ArgMatches) -> Result<Option<String>, Failure> {
    let given = matches.get_one::<String>(PAYLOAD);
    if given.is_none_or(|text| text != "-") {
        return Ok(given.cloned());
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| {
        Failure::usage(format!(
            "cannot read the payload from standard input: {error}"
        ))
    })?;
    Ok(Some(text))
}

const PAYLOAD: &str = "jobs:payload";
const FIELD: &str = "jobs:field";

impl Field {
    fn arg_id(&self) -> String {
        format!("field:{}", self.name)
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.arg_id())
            .long(self.flag())
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

    /// The field in a table: how a command sets it, and its description.
    fn row(&self) -> [String; 3] {
        let value = match self.kind {
            Kind::Text => "TEXT",
            Kind::Json => "JSON",
            Kind::List { .. } => "ITEM (repeatable)",
            Kind::Switch => "true|false",
        };
        let [flag, value] = if self.has_flag {
            [format!("  --{}", self.flag()), value.to_owned()]
        } else {
            [format!("  --field {}={value}", self.name), String::new()]
        };
        [flag, value, self.help.clone()]
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
    JobCommand::new("trigger", job, Vec::new()).payload_help()
}

fn payload_help(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "Payload: no fields\n".to_owned();
    }
    table(["Payload:", "", ""], fields.iter().map(Field::row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn command(schema: &Value) -> JobCommand {
        JobCommand::with_fields(without_fields("trigger", Vec::new()), fields_of(schema))
    }

    fn payload(command: &JobCommand, args: &[&str]) -> Result<String, Failure> {
        let words: Vec<OsString> = args.iter().map(OsString::from).collect();
        let matches = command.parse(&words).expect("valid flags");
        command.payload(&matches)
    }

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
        let payload = payload(&command(&schema), args).expect("a payload");
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

    /// The job `crawl(url: String, concurrency: Option<u32>, json: bool, token: String)`.
    fn crawl() -> JobCommand {
        command(&json!({
            "properties": {
                "url": {"type": "string"},
                "concurrency": {"type": ["integer", "null"]},
                "json": {"type": "boolean"},
                "token": {"type": "string"},
            },
            "required": ["url"],
        }))
    }

    #[test]
    fn a_flag_of_the_program_that_may_mean_a_field_is_refused() {
        let refusal = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            let refused = crawl().refuse_program_flags(&given);
            refused.err().map(|error| error.to_string())
        };
        let text = refusal(&["retain", "concurrency"]).expect("a usage error");
        assert!(text.contains("`--field concurrency=VALUE`"), "{text}");
        assert!(
            text.contains("`trigger JOB -- --concurrency VALUE`"),
            "{text}"
        );
        assert_eq!(refusal(&["retain", "database"]), None, "no such field");
        let behind_others = payload(&crawl(), &["--url", "x", "--concurrency", "4"]);
        let behind_others = behind_others.expect("a payload");
        assert_eq!(
            serde_json::from_str::<Value>(&behind_others).expect("JSON"),
            json!({"concurrency": 4, "url": "x"})
        );
    }

    #[test]
    fn an_option_of_every_job_is_not_refused() {
        let schema = json!({"properties": {"json": {"type": "boolean"}}});
        let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
        let options = without_fields("trigger", vec![json]);
        let command = JobCommand::with_fields(options, fields_of(&schema));
        assert!(command.refuse_program_flags(&["json".to_owned()]).is_ok());
    }

    #[test]
    fn the_help_names_no_flag_that_the_program_takes() {
        let command = crawl();
        let help = command.command.clone().render_long_help().to_string();
        for text in [help, command.payload_help()] {
            assert!(text.contains("  --url"), "{text}");
            assert!(text.contains("  --token"), "{text}");
            assert!(text.contains("  --field concurrency=JSON"), "{text}");
            assert!(text.contains("  --field json=true|false"), "{text}");
            assert!(!text.contains("  --concurrency"), "{text}");
            assert!(!text.contains("  --json"), "{text}");
        }
    }

    #[test]
    fn numbers_stay_as_written() {
        const LARGE: &str = "123456789012345678901234";
        let command = command(&json!({
            "properties": {
                "id": {"type": "integer"},
                "ids": {"type": "array", "items": {"type": "integer"}},
            },
        }));
        let of = |args: &[&str]| payload(&command, args).expect("a payload");
        assert_eq!(of(&["--id", LARGE]), format!(r#"{{"id":{LARGE}}}"#));
        assert_eq!(
            of(&["--payload", r#"{"ids": [0.10]}"#, "--ids", LARGE]),
            format!(r#"{{"ids":[0.10,{LARGE}]}}"#)
        );
        let given = format!(r#"{{"id": {LARGE}}}"#);
        assert_eq!(
            of(&["--payload", &given, "--ids", "1"]),
            format!(r#"{{"id":{LARGE},"ids":[1]}}"#)
        );
        assert_eq!(of(&["--payload", &given]), given, "to the byte");
    }

    #[test]
    fn items_replace_null_and_nothing_else() {
        let command = command(&json!({
            "properties": {"tags": {"type": ["array", "null"], "items": {"type": "string"}}},
        }));
        let of = |given| {
            payload(
                &command,
                &["--payload", given, "--tags", "a", "--tags", "1"],
            )
        };
        assert_eq!(
            of(r#"{"tags": null}"#).expect("a payload"),
            r#"{"tags":["a","1"]}"#
        );
        let refused = of(r#"{"tags": "b"}"#).expect_err("no list");
        assert!(matches!(&refused, Failure::Usage(text) if text.contains("`tags`")));
        for no_object in ["[1]", "7", "{"] {
            assert!(matches!(of(no_object), Err(Failure::Usage(_))));
        }
    }
}
