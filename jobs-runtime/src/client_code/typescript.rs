//! The client in TypeScript: interfaces, and a method for each job.

use std::fmt::Write;

use jobs::JobDescriptor;
use serde_json::Value;

use super::shape::{Definition, DefinitionKind, Field, Shape};
use super::{ClientJob, client_jobs, documentation};

/// The fixed part of the client.
const PRELUDE: &str = include_str!("typescript.ts");

/// The names that the prelude gives to members of the class.
const MEMBERS: [&str; 8] = [
    "constructor",
    "execution",
    "events",
    "request",
    "trigger",
    "open",
    "base",
    "token",
];

/// Writes the client of these jobs.
pub(crate) fn typescript(jobs: &[JobDescriptor]) -> String {
    let jobs = client_jobs(jobs);
    let mut code = PRELUDE.to_owned();
    for job in &jobs {
        job.definitions
            .iter()
            .for_each(|one| define(&mut code, one));
    }
    code.push_str("\n/** The jobs of the server. */\nexport class Jobs extends Server {\n");
    jobs.iter().for_each(|job| method(&mut code, job));
    code.push_str("}\n");
    code
}

fn define(code: &mut String, definition: &Definition) {
    let name = &definition.name;
    code.push('\n');
    comment(code, "", definition.description.as_deref());
    match &definition.kind {
        DefinitionKind::Object(fields) => {
            let _ = writeln!(code, "export type {name} = {{");
            fields.iter().for_each(|field| member(code, field));
            code.push_str("};\n");
        }
        DefinitionKind::Alias(alias) => {
            let _ = writeln!(code, "export type {name} = {};", shape(alias));
        }
    }
}

fn member(code: &mut String, field: &Field) {
    comment(code, "  ", field.description.as_deref());
    let optional = if field.is_required { "" } else { "?" };
    let _ = writeln!(
        code,
        "  {}{optional}: {};",
        text(&field.name),
        shape(&field.shape)
    );
}

fn method(code: &mut String, job: &ClientJob<'_>) {
    let name = method_name(&job.name);
    comment(code, "  ", Some(&documentation(job.descriptor).join("\n")));
    let _ = writeln!(
        code,
        "  {name}(payload: {}, options?: Options): Promise<Execution<{}>> {{\n    \
         return this.trigger({}, payload, options);\n  }}",
        job.payload,
        job.result,
        text(&job.descriptor.id)
    );
}

fn method_name(type_name: &str) -> String {
    let mut name = type_name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    if MEMBERS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn comment(code: &mut String, indent: &str, comment: Option<&str>) {
    let Some(comment) = comment else { return };
    let _ = writeln!(code, "{indent}/**");
    for line in comment.replace("*/", "*\\/").lines() {
        let _ = writeln!(code, "{}", format!("{indent} * {line}").trim_end());
    }
    let _ = writeln!(code, "{indent} */");
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Any => "unknown".to_owned(),
        Shape::Never => "never".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer | Shape::Number => "number".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Literal(values) => {
            let values: Vec<_> = values.iter().map(Value::to_string).collect();
            values.join(" | ")
        }
        Shape::List(item) => format!("Array<{}>", self::shape(item)),
        Shape::Tuple(items) => {
            let items: Vec<_> = items.iter().map(self::shape).collect();
            format!("[{}]", items.join(", "))
        }
        Shape::Map(value) => format!("{{ [key: string]: {} }}", self::shape(value)),
        Shape::Union(options) => {
            let options: Vec<_> = options.iter().map(self::shape).collect();
            options.join(" | ")
        }
        Shape::Named(name) => name.clone(),
    }
}

/// A text as a literal.
fn text(value: &str) -> String {
    Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::upper_camel;
    use super::*;

    /// The names that the prelude declares in its class `Server`, from their lines' beginnings.
    fn members_of_the_prelude() -> Vec<&'static str> {
        let (_, class) = PRELUDE
            .split_once("export class Server {")
            .expect("a class");
        let members = class.lines().filter_map(|line| line.strip_prefix("  "));
        let members = members.filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
        let name = |line: &'static str| {
            let end = line.find(['(', '<', ':']).expect("a declaration");
            let (words, _) = line.split_at(end);
            words.rsplit([' ', '*']).next().expect("a name")
        };
        members.map(name).collect()
    }

    #[test]
    fn no_method_of_a_job_replaces_a_member_of_the_prelude() {
        let members = members_of_the_prelude();
        assert!(members.contains(&"trigger"), "{members:?}");
        for member in members.into_iter().chain(["token"]) {
            let job = upper_camel(member);
            assert_eq!(method_name(&job), format!("{member}_"));
        }
        assert_eq!(method_name("TestAdd"), "testAdd");
    }
}
