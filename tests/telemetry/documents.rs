//! Checks of `docs/observability`: tables, alert rules and dashboard against the reference.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jobs_runtime::telemetry::reference::{ATTRIBUTES, METRICS, SPANS};
use serde_json::Value;

use super::prometheus::promtool;

const PAGE: &str = include_str!("../../docs/observability.md");

fn file(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("docs/observability").join(name)
}

/// The rows of the page's table under a heading.
fn table(heading: &str) -> Vec<&'static str> {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("no section `{heading}`"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).collect()
}

#[test]
fn the_table_of_metrics_is_that_of_the_reference() {
    let rows = METRICS.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
        format!("| `{name}` | {kind} | {labels} | {help} |")
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(
        table("Metrics"),
        rows,
        "write into the page:\n{}",
        rows.join("\n")
    );
}

#[test]
fn the_tables_of_spans_and_attributes_are_those_of_the_reference() {
    let spans = SPANS.iter().map(|span| {
        let attributes = span.attributes.iter().map(|name| format!("`{name}`"));
        let attributes = attributes.collect::<Vec<_>>().join(", ");
        let (name, kind, help) = (span.name, span.kind, span.help);
        format!("| `{name}` | {kind} | {attributes} | {help} |")
    });
    let spans: Vec<_> = spans.collect();
    assert_eq!(
        table("Spans"),
        spans,
        "write into the page:\n{}",
        spans.join("\n")
    );
    let attributes = ATTRIBUTES.iter();
    let rows = attributes.map(|one| format!("| `{}` | {} |", one.name, one.help));
    let rows: Vec<_> = rows.collect();
    assert_eq!(
        table("Attributes"),
        rows,
        "write into the page:\n{}",
        rows.join("\n")
    );
}

/// The names in an expression that this program could have emitted.
fn metrics_of(expression: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c| !is_part(c));
    let ours = words.filter(|word| word.starts_with("jobs_") || word.starts_with("process_"));
    ours.collect()
}

/// Fails for a name in an expression that is no metric of the reference.
fn check_names(expression: &str) {
    for word in metrics_of(expression) {
        let suffixes = ["", "_bucket", "_sum", "_count"];
        let known = METRICS.iter().any(|metric| {
            let rest = word.strip_prefix(metric.name);
            rest.is_some_and(|rest| suffixes.contains(&rest))
        });
        assert!(known, "`{word}` is no metric: {expression}");
    }
}

#[test]
fn the_alert_rules_are_valid_and_name_metrics_that_exist() {
    let rules = file("alerts.yml");
    promtool(&["check", "rules", rules.to_str().unwrap()], "");
    let text = std::fs::read_to_string(&rules).unwrap();
    let expressions: Vec<_> = text.lines().filter(|line| line.contains("expr:")).collect();
    assert!(expressions.len() >= 6, "{expressions:?}");
    check_names(&text);
}

#[test]
fn the_alert_rules_fire_as_their_examples_say() {
    let examples = file("alerts.test.yml");
    promtool(&["test", "rules", examples.to_str().unwrap()], "");
}

/// Every expression of a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "expr" => found.push(text.clone()),
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_has_valid_expressions_over_metrics_that_exist() {
    let text = std::fs::read_to_string(file("dashboard.json")).unwrap();
    let mut found = Vec::new();
    expressions(&serde_json::from_str(&text).unwrap(), &mut found);
    assert!(found.len() >= 12, "{found:?}");
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (place, expression) in found.iter().enumerate() {
        check_names(expression);
        let expression = expression.replace("$__rate_interval", "5m");
        let expression = serde_json::to_string(&expression).unwrap();
        rules.push_str(&format!(
            "  - record: panel_{place}\n    expr: {expression}\n"
        ));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dashboard.yml");
    std::fs::write(&file, rules).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()], "");
}
