//! Comparison of the keywords that bound numbers, texts, lists and objects.

use serde_json::{Map, Value};

use super::change::Change;

/// The comparison of one keyword.
#[derive(Clone, Copy)]
enum Rule {
    /// A larger value refuses more.
    AtLeast,
    /// A smaller value refuses more.
    AtMost,
    /// Every other value refuses some values.
    Equal,
}

/// The bounding keywords of each type.
const RULES: &[(&str, &[(&str, Rule)])] = &[
    (
        "string",
        &[
            ("minLength", Rule::AtLeast),
            ("maxLength", Rule::AtMost),
            ("pattern", Rule::Equal),
            ("format", Rule::Equal),
            ("contentEncoding", Rule::Equal),
        ],
    ),
    (
        "array",
        &[
            ("minItems", Rule::AtLeast),
            ("maxItems", Rule::AtMost),
            ("uniqueItems", Rule::Equal),
        ],
    ),
    (
        "object",
        &[
            ("minProperties", Rule::AtLeast),
            ("maxProperties", Rule::AtMost),
        ],
    ),
];

/// Keywords that refuse values and have no rule here. A reviewer judges a difference.
const UNJUDGED: &[&str] = &[
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
];

type Keywords = Map<String, Value>;

/// The bounds by which the reader refuses values of the writer. Both have the type `name`.
pub(super) fn tighter_bounds(name: &str, writer: &Keywords, reader: &Keywords) -> Vec<Change> {
    let mut found = Vec::new();
    if matches!(name, "integer" | "number") {
        compare_numbers(writer, reader, &mut found);
    }
    let rules = RULES.iter().filter(|(of, _)| *of == name);
    for (keyword, rule) in rules.flat_map(|(_, rules)| rules.iter()) {
        let (from, to) = (writer.get(*keyword), reader.get(*keyword));
        if is_tighter(*rule, from, to) {
            found.push(bound(keyword, from, to));
        }
    }
    for keyword in UNJUDGED {
        if writer.get(*keyword) != reader.get(*keyword) && reader.contains_key(*keyword) {
            let keyword = (*keyword).to_owned();
            found.push(Change::Unjudged { keyword });
        }
    }
    found
}

fn bound(keyword: &'static str, writer: Option<&Value>, reader: Option<&Value>) -> Change {
    Change::Bound {
        keyword,
        writer: writer.cloned(),
        reader: reader.cloned(),
    }
}

fn is_tighter(rule: Rule, writer: Option<&Value>, reader: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let Some(bound) = reader else { return false };
    // `uniqueItems: false` refuses no list.
    if writer == reader || *bound == Value::Bool(false) {
        return false;
    }
    match (rule, number(writer), number(reader)) {
        (Rule::AtLeast, from, Some(to)) => from.unwrap_or(0.0) < to,
        (Rule::AtMost, from, Some(to)) => from.is_none_or(|from| from > to),
        _ => true,
    }
}

/// Compares the smallest and the largest number. A format such as `uint8` bounds as well.
fn compare_numbers(writer: &Keywords, reader: &Keywords, found: &mut Vec<Change>) {
    let (from, to) = (Interval::of(writer), Interval::of(reader));
    if from.min < to.min {
        found.push(number_bound("the smallest number", from.min, to.min));
    }
    if from.max > to.max {
        found.push(number_bound("the largest number", from.max, to.max));
    }
    let (from, to) = (writer.get("multipleOf"), reader.get("multipleOf"));
    if to.is_some() && from != to {
        found.push(bound("multipleOf", from, to));
    }
}

fn number_bound(keyword: &'static str, writer: f64, reader: f64) -> Change {
    let value = |number: f64| match number.is_finite() {
        // `255`, not `255.0`.
        true if number.fract() == 0.0 && number.abs() < 9e15 => Some(Value::from(number as i64)),
        true => Some(Value::from(number)),
        false => None,
    };
    Change::Bound {
        keyword,
        writer: value(writer),
        reader: value(reader),
    }
}

/// The numbers that a schema accepts. The ends of 64-bit integers are rounded, which is exact
/// enough to compare formats with each other.
struct Interval {
    min: f64,
    max: f64,
}

impl Interval {
    fn of(keywords: &Keywords) -> Self {
        let number = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
        let (min, max) = match keywords.get("format").and_then(Value::as_str) {
            Some("int8") => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Some("int16") => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Some("int64" | "int") => (-(2f64.powi(63)), 2f64.powi(63)),
            Some("int128") => (-(2f64.powi(127)), 2f64.powi(127)),
            Some("uint8") => (0.0, f64::from(u8::MAX)),
            Some("uint16") => (0.0, f64::from(u16::MAX)),
            Some("uint32") => (0.0, f64::from(u32::MAX)),
            Some("uint64" | "uint") => (0.0, 2f64.powi(64)),
            Some("uint128") => (0.0, 2f64.powi(128)),
            Some("float") => (f64::from(f32::MIN), f64::from(f32::MAX)),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let above = number("minimum").unwrap_or(min);
        let below = number("maximum").unwrap_or(max);
        let above_exclusive = number("exclusiveMinimum").map_or(min, f64::next_up);
        let below_exclusive = number("exclusiveMaximum").map_or(max, f64::next_down);
        Self {
            min: min.max(above).max(above_exclusive),
            max: max.min(below).min(below_exclusive),
        }
    }
}
