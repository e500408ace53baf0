//! The client in Python: `TypedDict`s, and a method for each job.
//!
//! An object becomes three declarations, because Python 3.9 marks no single key as optional: a
//! dictionary of its required keys, one of the others, and a class of both. So a key may be any
//! text.

use std::fmt::Write;

use jobs::JobDescriptor;
use serde_json::Value;

use super::shape::{Definition, DefinitionKind, Field, Shape};
use super::{ClientJob, client_jobs, documentation, plain, snake};
use crate::unprintable::is_unprintable;

/// The fixed part of the client.
const PRELUDE: &str = include_str!("python.py");

/// The words that Python reserves.
const RESERVED: &str = " False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield ";

/// The names that the prelude gives to methods.
const METHODS: [&str; 3] = ["execution", "events", "request"];

/// Writes the client of these jobs.
pub(crate) fn python(jobs: &[JobDescriptor]) -> String {
    let jobs = client_jobs(jobs);
    let mut code = PRELUDE.to_owned();
    for job in &jobs {
        job.definitions
            .iter()
            .for_each(|one| define(&mut code, one));
    }
    code.push_str("\n\nclass Jobs(_Server):\n    \"\"\"The jobs of the server.\"\"\"\n");
    jobs.iter().for_each(|job| method(&mut code, job));
    code
}

fn define(code: &mut String, definition: &Definition) {
    let name = &definition.name;
    match &definition.kind {
        DefinitionKind::Object(fields) => {
            for (part, is_required) in [("Required", true), ("Optional", false)] {
                let total = if is_required { "" } else { ", total=False" };
                let _ = write!(code, "\n_{name}{part} = TypedDict(\"_{name}{part}\", {{");
                for field in fields
                    .iter()
                    .filter(|field| field.is_required == is_required)
                {
                    let _ = write!(
                        code,
                        "\n    {}: {},",
                        text(&field.name),
                        text(&shape(&field.shape))
                    );
                }
                let _ = writeln!(code, "\n}}{total})");
            }
            let _ = writeln!(code, "\n\nclass {name}(_{name}Required, _{name}Optional):");
            let documented = class_documentation(definition, fields);
            let _ = writeln!(code, "    \"\"\"{documented}\"\"\"\n");
        }
        DefinitionKind::Alias(alias) => {
            let comment = definition.description.as_deref().unwrap_or_default();
            for line in comment.lines() {
                let _ = write!(code, "\n# {line}");
            }
            let _ = writeln!(code, "\n{name} = {}\n", alias_text(alias));
        }
    }
}

/// The documentation of an object and of its fields.
fn class_documentation(definition: &Definition, fields: &[Field]) -> String {
    let first = definition
        .description
        .as_deref()
        .unwrap_or(&definition.name);
    let mut lines: Vec<String> = first.lines().map(str::to_owned).collect();
    for field in fields {
        if let Some(description) = &field.description {
            let description = description.replace('\n', " ");
            lines.push(format!("* `{}`: {description}", plain(&field.name)));
        }
    }
    docstring(&lines, "    ")
}

/// Lines as the content of a docstring with this indentation.
fn docstring(lines: &[String], indent: &str) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let line = line.trim_end();
        if index > 0 && !line.is_empty() {
            text.push_str(indent);
        }
        text.push_str(line);
    }
    let mut text = text.replace('\\', "\\\\").replace("\"\"\"", "'''");
    if lines.len() > 1 {
        let _ = write!(text, "\n{indent}");
    } else if text.ends_with('"') {
        // It would join the three that close the docstring.
        text.push(' ');
    }
    text
}

fn method(code: &mut String, job: &ClientJob<'_>) {
    let ClientJob {
        descriptor,
        payload,
        result,
        ..
    } = job;
    let name = method_name(&job.name);
    let documentation = docstring(&documentation(descriptor), "        ");
    let _ = write!(
        code,
        "\n    def {name}(\n        self, payload: {payload}, options: Optional[Options] = None\n    ) \
         -> Execution[{result}]:\n        \"\"\"{documentation}\"\"\"\n        \
         return self._trigger({}, payload, options)\n",
        text(&descriptor.id)
    );
}

fn method_name(type_name: &str) -> String {
    let name = snake(type_name);
    if RESERVED.contains(&format!(" {name} ")) || METHODS.contains(&name.as_str()) {
        return format!("{name}_");
    }
    name
}

/// The shape as an annotation, which is never evaluated.
fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Any => "Any".to_owned(),
        Shape::Never => "NoReturn".to_owned(),
        Shape::Null => "None".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer => "int".to_owned(),
        Shape::Number => "float".to_owned(),
        Shape::Text => "str".to_owned(),
        Shape::Literal(values) => {
            let values: Vec<_> = values.iter().map(literal).collect();
            format!("Literal[{}]", values.join(", "))
        }
        Shape::List(item) => format!("List[{}]", self::shape(item)),
        Shape::Tuple(items) => tuple(items.iter().map(self::shape).collect()),
        Shape::Map(value) => format!("Dict[str, {}]", self::shape(value)),
        Shape::Union(options) => {
            let options: Vec<_> = options.iter().map(self::shape).collect();
            format!("Union[{}]", options.join(", "))
        }
        Shape::Named(name) => name.clone(),
    }
}

/// A tuple of these types. JSON arrays are lists; their items are of any of the types.
fn tuple(mut items: Vec<String>) -> String {
    items.dedup();
    match items.as_slice() {
        [] => "List[Any]".to_owned(),
        items => format!("List[Union[{}]]", items.join(", ")),
    }
}

/// The shape as the value of an alias, which the import evaluates. Names of later definitions are
/// quoted.
fn alias_text(alias: &Shape) -> String {
    match alias {
        Shape::Named(name) => format!("Union[{}]", text(name)),
        Shape::List(item) => format!("List[{}]", quoted(item)),
        Shape::Tuple(items) => tuple(items.iter().map(quoted).collect()),
        Shape::Map(value) => format!("Dict[str, {}]", quoted(value)),
        Shape::Union(options) => {
            let options: Vec<_> = options.iter().map(quoted).collect();
            format!("Union[{}]", options.join(", "))
        }
        Shape::Null => "Optional[None]".to_owned(),
        alias => shape(alias),
    }
}

fn quoted(one: &Shape) -> String {
    match one {
        Shape::Null => "None".to_owned(),
        Shape::Literal(_) => shape(one),
        one => text(&shape(one)),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        Value::String(value) => text(value),
        value => value.to_string(),
    }
}

/// A text as a literal. JSON's escapes are Python's as well; those of the command line are not.
fn text(value: &str) -> String {
    let mut literal = String::new();
    for c in Value::from(value).to_string().chars() {
        if is_unprintable(c) {
            let _ = write!(literal, "\\U{:08x}", u32::from(c));
        } else {
            literal.push(c);
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alias_quotes_names_because_the_import_evaluates_it() {
        let named = || Shape::Named("JResultBox".into());
        for (alias, expected) in [
            (named(), r#"Union["JResultBox"]"#),
            (
                Shape::Tuple(vec![named(), Shape::Integer, Shape::Null]),
                r#"List[Union["JResultBox", "int", None]]"#,
            ),
            (
                Shape::Tuple(vec![named(), named()]),
                r#"List[Union["JResultBox"]]"#,
            ),
            (
                Shape::Tuple(vec![Shape::List(Box::new(named())), Shape::Text]),
                r#"List[Union["List[JResultBox]", "str"]]"#,
            ),
            (
                Shape::Tuple(vec![Shape::Literal(vec![json!("a")]), Shape::Text]),
                r#"List[Union[Literal["a"], "str"]]"#,
            ),
            (Shape::Tuple(Vec::new()), "List[Any]"),
        ] {
            assert_eq!(alias_text(&alias), expected, "{alias:?}");
        }
    }

    #[test]
    fn texts_have_no_characters_that_are_printed_as_escapes() {
        assert_eq!(text("a\"\n"), r#""a\"\n""#);
        assert_eq!(text("\u{200b}\u{7f}ü"), r#""\U0000200b\U0000007fü""#);
    }

    #[test]
    fn a_docstring_has_no_invisible_characters() {
        let field = Field {
            name: "a\u{feff}".into(),
            is_required: true,
            shape: Shape::Text,
            description: Some("The text.".into()),
        };
        let definition = Definition {
            name: "JPayload".into(),
            description: None,
            kind: DefinitionKind::Object(Vec::new()),
        };
        let documented = class_documentation(&definition, &[field]);
        assert!(documented.contains("* `a`: The text."), "{documented}");
    }
}
