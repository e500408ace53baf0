//! Typed clients as source code: one file of Python or TypeScript for a catalogue.
//!
//! [`shape`] reads the JSON Schemas of payloads and results, [`python`] and [`typescript`] write
//! them as types of their language. The rest of a client is a fixed prelude: `python.py` and
//! `typescript.ts`. The folder imports the jobs' descriptors and
//! [`unprintable`](crate::unprintable). It must not import anything else of the crate.

mod python;
mod shape;
mod typescript;

use std::collections::BTreeSet;

use jobs::JobDescriptor;

use crate::unprintable::is_unprintable;
use shape::{Definition, Definitions};

pub(crate) use python::python;
pub(crate) use typescript::typescript;

/// A job as a client sees it.
struct ClientJob<'a> {
    descriptor: &'a JobDescriptor,
    /// The base of its types' names: `ProvisionMember`.
    name: String,
    payload: String,
    result: String,
    definitions: Vec<Definition>,
}

/// Reads the jobs in the order of their ids. Names of types that would collide get a number.
fn client_jobs(jobs: &[JobDescriptor]) -> Vec<ClientJob<'_>> {
    let mut taken = BTreeSet::new();
    let mut read = Vec::with_capacity(jobs.len());
    for descriptor in jobs {
        let name = unused(upper_camel(&descriptor.id), &mut taken);
        let mut definitions = Definitions::new(&name);
        let payload = definitions.add_root("Payload", &descriptor.payload_schema);
        let result = definitions.add_root("Result", &descriptor.result_schema);
        read.push(ClientJob {
            descriptor,
            name,
            payload,
            result,
            definitions: definitions.into_all(),
        });
    }
    read
}

fn unused(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}{number}");
        number += 1;
    }
    candidate
}

/// `cad.conversion-process` becomes `CadConversionProcess`.
fn upper_camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string());
        format!("{}{}", first.unwrap_or_default(), chars.as_str())
    });
    let name: String = words.collect();
    if name.starts_with(|c: char| c.is_numeric()) {
        return format!("Job{name}");
    }
    name
}

/// `CadConversionProcess` becomes `cad_conversion_process`.
fn snake(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// The lines of a job's documentation: its label and id, and the rest of its description.
fn documentation(descriptor: &JobDescriptor) -> Vec<String> {
    let label = plain(&descriptor.label).replace('\n', " ");
    let description = plain(&descriptor.description);
    let rest = description.strip_prefix(label.trim_end_matches('.'));
    let rest = rest.map_or(&*description, |rest| rest.trim_start_matches('.'));
    let mut lines = vec![format!("{label} (`{}`).", descriptor.id)];
    if !rest.trim().is_empty() {
        lines.push(String::new());
        lines.extend(rest.trim().lines().map(str::to_owned));
    }
    lines
}

/// A text of an application as part of a comment: without characters that the command line prints
/// as escapes.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !is_unprintable(*c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_and_methods_derive_from_the_id() {
        assert_eq!(
            upper_camel("cad.conversion-process"),
            "CadConversionProcess"
        );
        assert_eq!(upper_camel("3d_print"), "Job3dPrint");
        assert_eq!(snake("CadConversionProcess"), "cad_conversion_process");
        let mut taken = BTreeSet::new();
        assert_eq!(unused("A".into(), &mut taken), "A");
        assert_eq!(unused("A".into(), &mut taken), "A2");
    }

    #[test]
    fn comments_have_no_characters_that_are_printed_as_escapes() {
        for invisible in [
            '\0',
            '\t',
            '\u{7f}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
        ] {
            let text = format!("a{invisible}b\nü");
            assert_eq!(plain(&text), "ab\nü", "{}", invisible.escape_unicode());
        }
        // The joiner of emoji is no mark that hides text.
        assert_eq!(plain("a\u{200d}b"), "a\u{200d}b");
    }
}
