//! Reading of payloads by the deserialiser of their job.
//!
//! A handler reads its payload with the deserialiser of the job's type. A runtime runs the same one
//! at the enqueue, so that no attempt fails because of a payload that was accepted.
//!
//! * `place` finds the value at which a deserialiser stopped.
//! * `message` words the reason without quoting the payload, which may contain secrets.
//!
//! The folder may import the definition of a job. It must not import the client or the context.

mod message;
mod place;

use std::error::Error;
use std::fmt;

use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::guard::guarded;
use crate::{Job, Violation, Violations};

/// Reads a payload and drops it.
pub(crate) fn read<J: Job>(payload: &str) -> serde_json::Result<()> {
    serde_json::from_str::<J>(payload).map(drop)
}

/// Reads a payload and writes it again.
pub(crate) fn rewrite<J: Job>(payload: &str) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::from_str::<J>(payload)?)
}

/// The deserialiser and the serialiser of a job's payload, for runtimes.
///
/// Both run code of the application on the caller's thread. A panic is caught. The depth of a
/// payload is bounded by `serde_json`, its size by the caller; the time is not bounded.
#[derive(Clone, Copy, Debug)]
pub struct PayloadReader {
    pub(crate) read: fn(&str) -> serde_json::Result<()>,
    pub(crate) rewrite: fn(&str) -> serde_json::Result<String>,
}

impl PayloadReader {
    /// Reads a payload, a JSON text, as the handler would.
    ///
    /// # Errors
    /// The first mistake. Its message never quotes the payload.
    pub fn read(self, payload: &str) -> Result<(), Violation> {
        match guarded(|| (self.read)(payload)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(guarded(|| violation(payload, &error, self.read))
                    .unwrap_or_else(|_| panicked()))
            }
            Err(_) => Err(panicked()),
        }
    }

    /// The payload as its type writes it: with the names of fields and variants in the place of
    /// their aliases. `None` if the type cannot read or write it.
    pub fn rewrite(self, payload: &str) -> Option<String> {
        guarded(|| (self.rewrite)(payload).ok()).ok().flatten()
    }
}

/// The text of a panic is left out: it may quote the payload.
fn panicked() -> Violation {
    Violation {
        pointer: String::new(),
        message: "makes the deserialiser of the job panic".to_owned(),
    }
}

/// The violation that a deserialiser has reported. `read` is that deserialiser.
fn violation(
    payload: &str,
    error: &serde_json::Error,
    read: fn(&str) -> serde_json::Result<()>,
) -> Violation {
    if error.classify() != Category::Data && !is_json(payload) {
        return Violation {
            pointer: String::new(),
            message: "is not valid JSON".to_owned(),
        };
    }
    let place = place::find(payload, error, read);
    let value = &payload[place.value.clone()];
    let message = message::of(error, value);
    let mut pointer = place.pointer;
    if let Some(field) = &message.missing_field {
        push_segment(&mut pointer, field);
    }
    Violation {
        pointer,
        message: message.text,
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The error of an attempt whose payload, or of a result that its own type, cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable(Violations);

impl Unreadable {
    pub(crate) fn new(
        text: &str,
        error: &serde_json::Error,
        read: fn(&str) -> serde_json::Result<()>,
    ) -> Self {
        Self(Violations(vec![violation(text, error, read)]))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unreadable {}

/// Appends a segment to a JSON pointer (RFC 6901).
fn push_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(try_from = "u8")]
    struct Even;

    impl TryFrom<u8> for Even {
        type Error = String;

        fn try_from(value: u8) -> Result<Self, String> {
            if value.is_multiple_of(2) {
                Ok(Self)
            } else {
                Err(format!("{value} is odd"))
            }
        }
    }

    #[derive(Deserialize)]
    #[serde(try_from = "Vec<u8>")]
    struct Few;

    impl TryFrom<Vec<u8>> for Few {
        type Error = &'static str;

        fn try_from(list: Vec<u8>) -> Result<Self, &'static str> {
            if list.len() < 3 {
                Ok(Self)
            } else {
                Err("too many")
            }
        }
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Fast,
        Even(Even),
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct All {
        #[serde(default)]
        a: Option<u8>,
        #[serde(default)]
        even: Option<Even>,
        #[serde(default)]
        evens: Vec<Even>,
        #[serde(default)]
        few: Option<Few>,
        #[serde(default)]
        pair: Option<(u8, String)>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        map: BTreeMap<u8, Even>,
        #[serde(default)]
        inner: Option<Box<All>>,
        #[serde(rename = "a/b", default)]
        escaped: Vec<char>,
    }

    fn read(text: &str) -> serde_json::Result<()> {
        serde_json::from_str::<All>(text).map(drop)
    }

    #[test]
    fn a_refusal_has_the_pointer_of_the_value() {
        let odd = "is refused: ••• is odd";
        let byte = "must be a whole number from 0 to 255";
        for (text, pointer, message) in [
            (r#"{"a":256}"#, "/a", byte),
            (r#"{"a":"x"}"#, "/a", byte),
            (
                "{ \"a\" : 1 ,\n \"inner\" : { \"a\" : -1 } }",
                "/inner/a",
                byte,
            ),
            (r#"{"even":11}"#, "/even", odd),
            (r#"{"even":11,"a":1}"#, "/even", odd),
            (r#"{"inner":{"a":1,"even":11}}"#, "/inner/even", odd),
            (r#"{"inner":{"even":11},"a":1}"#, "/inner/even", odd),
            ("{\"inner\":{\"even\":11\n}\n}", "/inner/even", odd),
            (r#"{"evens":[2,11,4]}"#, "/evens/1", odd),
            (r#"{"evens":[2,4,11]}"#, "/evens/2", odd),
            (r#"{"a":1,"evens":[2,4,11]}"#, "/evens/2", odd),
            (r#"{"few":[1,2,3]}"#, "/few", "is refused: too many"),
            (r#"{"few":[1,2,3],"a":1}"#, "/few", "is refused: too many"),
            (r#"{"few":[1,300]}"#, "/few/1", byte),
            (r#"{"pair":[1]}"#, "/pair", "must be a tuple of size 2"),
            (
                r#"{"pair":[1,"x",3]}"#,
                "/pair/2",
                "is one item more than allowed",
            ),
            (r#"{"kind":"slow"}"#, "/kind", "must be `fast` or `even`"),
            (r#"{"kind":{"even":11}}"#, "/kind/even", odd),
            (r#"{"kind":{"even":11},"a":1}"#, "/kind/even", odd),
            (r#"{"map":{"2":2,"4":11}}"#, "/map/4", odd),
            (
                r#"{"map":{"x":2}}"#,
                "/map/x",
                "has a name that must be a number",
            ),
            (r#"{"map":{"300":2}}"#, "/map/300", byte),
            (r#"{"zzz":1}"#, "/zzz", "is not a known property"),
            (r#"{"a":1,"a":2}"#, "/a", "is given more than once"),
            (r#"{"a/b":["x","yz"]}"#, "/a~1b/1", "must be a character"),
            (r#"{"inner":{"inner":[]},"a":}"#, "", "is not valid JSON"),
        ] {
            let error = read(text).expect_err(text);
            let found = violation(text, &error, read);
            assert_eq!(
                (found.pointer.as_str(), found.message.as_str()),
                (pointer, message),
                "{text}"
            );
        }
    }
}
