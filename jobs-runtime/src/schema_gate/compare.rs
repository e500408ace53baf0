//! Comparison of a writer's schema with a reader's: which values of the writer the reader refuses.
//!
//! Both schemas become lists of [`Alternative`]s. Each alternative of the writer needs one of the
//! reader that refuses none of its values. If there is none, the closest one gives the differences:
//! the one with the fewest breaking changes. A pair of schemas that is being compared already, as
//! in a recursive type, is not entered again.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::bounds::tighter_bounds;
use super::change::{Change, Direction, Severity};
use super::shape::{Alternative, alternatives};
use crate::fingerprint::canonical;

/// A difference and the JSON pointer of its place in the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) pointer: String,
    pub(super) change: Change,
}

/// Compares two schema documents.
pub(super) fn differences(direction: Direction, writer: &Value, reader: &Value) -> Vec<Difference> {
    let mut comparison = Comparison {
        direction,
        writer,
        reader,
        open: HashSet::new(),
    };
    comparison.schemas("", writer, reader)
}

struct Comparison<'a> {
    direction: Direction,
    writer: &'a Value,
    reader: &'a Value,
    /// Pairs that are being compared: a recursive type ends here.
    open: HashSet<(String, String)>,
}

type Keywords = Map<String, Value>;

impl Comparison<'_> {
    fn schemas(&mut self, pointer: &str, writer: &Value, reader: &Value) -> Vec<Difference> {
        let pair = (canonical(&writer.into()), canonical(&reader.into()));
        // The top of a document is never its own part.
        if !self.open.insert(pair.clone()) {
            return Vec::new();
        }
        let found = self.alternatives(pointer, writer, reader);
        self.open.remove(&pair);
        found
    }

    fn alternatives(&mut self, pointer: &str, writer: &Value, reader: &Value) -> Vec<Difference> {
        let from = alternatives(self.writer, writer);
        let to = alternatives(self.reader, reader);
        let mut used = HashSet::new();
        let mut found = Vec::new();
        for one in &from {
            let candidates = to.iter().enumerate();
            let compared: Vec<_> = candidates
                .filter_map(|(n, other)| Some((n, self.pair(pointer, one, other)?)))
                .collect();
            let closest = compared
                .into_iter()
                .min_by_key(|(_, differences)| self.breaking(differences));
            match closest {
                Some((n, differences)) => {
                    used.insert(n);
                    found.extend(differences);
                }
                None => found.push(refused(pointer, one, &to)),
            }
        }
        // Where nothing matched, the differences name what the reader accepts.
        let unused = to.iter().enumerate();
        let unused = unused.filter(|(n, _)| !used.is_empty() && !used.contains(n));
        found.extend(unused.map(|(_, other)| Difference {
            pointer: pointer.to_owned(),
            change: Change::Wider(name(other)),
        }));
        found
    }

    fn breaking(&self, differences: &[Difference]) -> usize {
        let breaking = differences.iter().filter(|one| self.is_breaking(one));
        breaking.count()
    }

    fn is_breaking(&self, difference: &Difference) -> bool {
        difference.change.severity(self.direction) == Severity::Breaking
    }

    /// Compares two alternatives. `None` if they have nothing in common.
    fn pair(
        &mut self,
        pointer: &str,
        one: &Alternative,
        other: &Alternative,
    ) -> Option<Vec<Difference>> {
        use Alternative as A;
        let changes = match (one, other) {
            (_, A::Anything) => Vec::new(),
            (A::Constant(value), A::Constant(other)) if value == other => Vec::new(),
            (A::Constant(value), A::Typed(kind, keywords)) if is_of_type(value, kind) => {
                let mut exact = Map::new();
                if let Some(length) = value.as_str().map(|text| text.chars().count()) {
                    exact.insert("minLength".to_owned(), length.into());
                    exact.insert("maxLength".to_owned(), length.into());
                }
                if value.is_number() {
                    exact.insert("minimum".to_owned(), value.clone());
                    exact.insert("maximum".to_owned(), value.clone());
                }
                tighter_bounds(kind, &exact, keywords)
            }
            (A::Typed(kind, from), A::Typed(other, to)) if is_within(kind, other) => {
                let mut found = match *kind {
                    "object" => self.objects(pointer, from, to),
                    "array" => self.arrays(pointer, from, to),
                    _ => Vec::new(),
                };
                let bounds = tighter_bounds(other, from, to).into_iter();
                found.extend(bounds.map(|change| at(pointer, change)));
                return Some(found);
            }
            (A::Opaque(one), A::Opaque(other)) if one == other => Vec::new(),
            (A::Opaque(schema), _) | (_, A::Opaque(schema)) => {
                let keywords = schema.as_object().into_iter().flat_map(Map::keys);
                vec![Change::Unjudged {
                    keyword: keywords.cloned().collect::<Vec<_>>().join(", "),
                }]
            }
            _ => return None,
        };
        Some(
            changes
                .into_iter()
                .map(|change| at(pointer, change))
                .collect(),
        )
    }

    fn objects(&mut self, pointer: &str, writer: &Keywords, reader: &Keywords) -> Vec<Difference> {
        let (from, to) = (Fields::of(writer), Fields::of(reader));
        let mut found = Vec::new();
        for (name, schema) in &from.known {
            let place = format!("{pointer}/{}", escape(name));
            let change = match (to.known.get(name), to.others) {
                (Some(other), _) => {
                    if !from.required.contains(name) && to.required.contains(name) {
                        found.push(at(&place, Change::Demanded { known: true }));
                    }
                    let (writer, reader) = (schema.get("default"), other.get("default"));
                    if writer != reader {
                        let (writer, reader) = (writer.cloned(), reader.cloned());
                        found.push(at(&place, Change::Default { writer, reader }));
                    }
                    found.extend(self.schemas(&place, schema, other));
                    continue;
                }
                (None, Some(Value::Bool(false))) => Change::Refused,
                (None, Some(others)) if others.is_object() => {
                    found.extend(self.schemas(&place, schema, others));
                    continue;
                }
                (None, _) => Change::Ignored {
                    always: from.required.contains(name),
                },
            };
            found.push(at(&place, change));
        }
        found.extend(self.new_fields(pointer, &from, &to));
        found.extend(self.other_fields(pointer, &from, &to));
        found.extend(self.matched_fields(pointer, writer, reader));
        found
    }

    /// Compares the fields that only the reader knows. A writer with other fields may send them.
    fn new_fields(&mut self, pointer: &str, from: &Fields<'_>, to: &Fields<'_>) -> Vec<Difference> {
        let mut found = Vec::new();
        let known = to.known.iter();
        for (name, schema) in known.filter(|(name, _)| !from.known.contains_key(*name)) {
            let place = format!("{pointer}/{}", escape(name));
            let change = if to.required.contains(name) {
                Change::Demanded { known: false }
            } else {
                Change::Optional
            };
            found.push(at(&place, change));
            if let Some(others) = from.others {
                let mut differences = self.schemas(&place, others, schema);
                // That the field is new has been said: what it accepts in addition says no more.
                differences.retain(|one| self.is_breaking(one));
                found.extend(differences);
            }
        }
        found
    }

    /// Compares the values of a map, and unknown fields.
    fn other_fields(
        &mut self,
        pointer: &str,
        from: &Fields<'_>,
        to: &Fields<'_>,
    ) -> Vec<Difference> {
        let place = format!("{pointer}/*");
        let is_closed = |others: Option<&Value>| others == Some(&Value::Bool(false));
        let others = |is_refused| vec![at(&place, Change::Others { is_refused })];
        match (from.others, to.others) {
            (one, _) if is_closed(one) => Vec::new(),
            (Some(_), None) => others(false),
            (Some(_), other) if is_closed(other) => others(true),
            (Some(one), Some(other)) => self.schemas(&place, one, other),
            (None, other) if is_closed(other) && from.known.is_empty() => {
                vec![at(&place, Change::Refused)]
            }
            (None, _) => Vec::new(),
        }
    }

    /// Compares the values of the fields whose names match a pattern, as in a map with typed keys.
    /// Which names two patterns have in common is for a reviewer.
    fn matched_fields(
        &mut self,
        pointer: &str,
        writer: &Keywords,
        reader: &Keywords,
    ) -> Vec<Difference> {
        const KEYWORD: &str = "patternProperties";
        let none = Map::new();
        let (from, to) = (writer.get(KEYWORD), reader.get(KEYWORD));
        let from = from.and_then(Value::as_object).unwrap_or(&none);
        let to = to.and_then(Value::as_object).unwrap_or(&none);
        if from.len() != to.len() || from.keys().any(|pattern| !to.contains_key(pattern)) {
            let keyword = KEYWORD.to_owned();
            return vec![at(pointer, Change::Unjudged { keyword })];
        }
        let place = format!("{pointer}/*");
        let pairs = from
            .iter()
            .filter_map(|(pattern, one)| Some((one, to.get(pattern)?)));
        pairs
            .flat_map(|(one, other)| self.schemas(&place, one, other))
            .collect()
    }

    fn arrays(&mut self, pointer: &str, writer: &Keywords, reader: &Keywords) -> Vec<Difference> {
        let anything = Value::Bool(true);
        let items = |keywords: &Keywords| {
            let rest = keywords.get("items").unwrap_or(&anything).clone();
            let first = keywords.get("prefixItems").and_then(Value::as_array);
            (first.cloned().unwrap_or_default(), rest)
        };
        let ((first, rest), (other_first, other_rest)) = (items(writer), items(reader));
        let mut found = Vec::new();
        for n in 0..first.len().max(other_first.len()) {
            let one = first.get(n).unwrap_or(&rest);
            let other = other_first.get(n).unwrap_or(&other_rest);
            found.extend(self.schemas(&format!("{pointer}/{n}"), one, other));
        }
        // `items: false` ends a tuple: it has no further items to compare.
        if rest != Value::Bool(false) {
            found.extend(self.schemas(&format!("{pointer}/*"), &rest, &other_rest));
        }
        found
    }
}

/// The fields of an object's schema.
struct Fields<'a> {
    known: std::collections::BTreeMap<&'a str, &'a Value>,
    required: HashSet<&'a str>,
    /// The schema of all other fields.
    others: Option<&'a Value>,
}

impl<'a> Fields<'a> {
    fn of(keywords: &'a Keywords) -> Self {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let required = keywords.get("required").and_then(Value::as_array);
        let others = keywords.get("additionalProperties");
        Self {
            known: properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (&**name, schema))
                .collect(),
            required: required
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
            others: others.or_else(|| keywords.get("unevaluatedProperties")),
        }
    }
}

fn at(pointer: &str, change: Change) -> Difference {
    Difference {
        pointer: pointer.to_owned(),
        change,
    }
}

/// The difference of an alternative that no alternative of the reader resembles.
fn refused(pointer: &str, one: &Alternative, to: &[Alternative]) -> Difference {
    let change = match one {
        Alternative::Constant(value) => Change::Value(value.clone()),
        other => {
            let mut reader: Vec<_> = to.iter().map(name).collect();
            reader.dedup();
            let reader = if reader.is_empty() {
                "no value".to_owned()
            } else {
                reader.join(" or ")
            };
            Change::Type {
                writer: name(other),
                reader,
            }
        }
    };
    at(pointer, change)
}

/// An alternative with its article, for messages.
fn name(alternative: &Alternative) -> String {
    match alternative {
        Alternative::Anything => "any value".to_owned(),
        Alternative::Constant(value) => value.to_string(),
        Alternative::Typed("null", _) => "null".to_owned(),
        Alternative::Typed(kind @ ("integer" | "array" | "object"), _) => format!("an {kind}"),
        Alternative::Typed(kind, _) => format!("a {kind}"),
        Alternative::Opaque(_) => "a combination".to_owned(),
    }
}

fn is_within(kind: &str, other: &str) -> bool {
    kind == other || (kind == "integer" && other == "number")
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

/// A name as a segment of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
