//! The OpenAPI document as a page of HTML.
//!
//! The page has no script and loads nothing, so a strict policy applies and it works offline.

use std::fmt::Write as _;

use serde_json::Value;

/// The content security policy of the page: it loads nothing, and may style itself.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");

/// Renders the document.
pub(super) fn html(document: &Value) -> String {
    let mut page = String::new();
    let title = text(&document["info"]["title"]);
    page.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    add(
        &mut page,
        format_args!("<title>{title} · API</title><style>{STYLE}</style></head><body>"),
    );
    add(
        &mut page,
        format_args!(
            "<header><h1>{title} <small>{}</small></h1><p>{}</p>\
             <p><a href=\"openapi.json\">openapi.json</a></p></header><main>",
            text(&document["info"]["version"]),
            text(&document["info"]["summary"]),
        ),
    );
    let mut group = String::new();
    for (path, method, operation) in operations(document) {
        let tag = text(&operation["tags"][0]);
        if tag != group {
            add(&mut page, format_args!("<h2>{tag}</h2>"));
            group = tag;
        }
        operation_html(&mut page, path, method, operation);
    }
    page.push_str("</main>");
    schemas_html(&mut page, &document["components"]["schemas"]);
    page.push_str("</body></html>");
    page
}

/// The operations, grouped: those of jobs first, then each group in the order of its paths.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let mut operations: Vec<_> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(|(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect();
    operations.sort_by_key(|(path, _, operation)| {
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        (
            tag != "triggers",
            ["process", "session"].contains(&tag),
            tag.to_owned(),
            path.to_string(),
        )
    });
    operations
}

fn operation_html(page: &mut String, path: &str, method: &str, operation: &Value) {
    let name = text(&operation["operationId"]);
    add(
        page,
        format_args!(
            "<details id=\"{name}\"><summary><b class=\"{method}\">{}</b> <code>{}</code> \
             <span>{}</span></summary>",
            method.to_uppercase(),
            escape(path),
            text(&operation["summary"]),
        ),
    );
    if operation["description"].is_string() {
        add(
            page,
            format_args!("<p class=\"docs\">{}</p>", text(&operation["description"])),
        );
    }
    if let Some(parameters) = operation["parameters"].as_array() {
        page.push_str("<h3>Parameters</h3><table>");
        for parameter in parameters {
            add(
                page,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    schema_html(&parameter["schema"]),
                    text(&parameter["description"]),
                ),
            );
        }
        page.push_str("</table>");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(fields) = body["properties"]
        .as_object()
        .filter(|fields| !fields.is_empty())
    {
        page.push_str("<h3>Body</h3><table>");
        for (name, schema) in fields {
            add(
                page,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    escape(name),
                    schema_html(schema),
                    text(&schema["description"]),
                ),
            );
        }
        page.push_str("</table>");
    }
    page.push_str("<h3>Answers</h3><table>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        add(
            page,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escape(status),
                schema_html(&response["content"]["application/json"]["schema"]),
                text(&response["description"]),
            ),
        );
    }
    if operation["x-job-result"].is_object() {
        add(
            page,
            format_args!(
                "<tr><td>result</td><td>{}</td><td>what the execution returns</td></tr>",
                schema_html(&operation["x-job-result"]),
            ),
        );
    }
    page.push_str("</table></details>");
}

fn schemas_html(page: &mut String, schemas: &Value) {
    page.push_str("<h2>schemas</h2>");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = escape(name);
        add(
            page,
            format_args!(
                "<details id=\"schema.{name}\"><summary><code>{name}</code></summary>\
                 <pre>{}</pre></details>",
                escape(&json),
            ),
        );
    }
}

/// A schema in a line: a link to the component, or its type.
fn schema_html(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = escape(target.rsplit('/').next().unwrap_or(target));
        return format!("<a href=\"#schema.{name}\">{name}</a>");
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array() {
            let choices = choices.iter().filter(|choice| choice["type"] != "null");
            let choices: Vec<_> = choices.map(schema_html).collect();
            return choices.join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values
            .iter()
            .map(|value| escape(&value.to_string()))
            .collect();
        return values.join(" or ");
    }
    match &schema["type"] {
        Value::String(name) => match schema["items"] {
            Value::Null => escape(name),
            ref items => format!("{} of {}", escape(name), schema_html(items)),
        },
        Value::Array(names) => {
            let names: Vec<_> = names.iter().map(text).collect();
            names.join(" or ")
        }
        _ => String::new(),
    }
}

/// The text of a string, for HTML.
fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(text);
}
