//! The value at which a deserialiser of `serde_json` stopped, as a JSON pointer.
//!
//! The errors of `serde_json` tell a line and a column: the end of what was read. A tracking
//! deserialiser would tell the path as well. It would also compile every payload type a second
//! time, in every program.

use std::ops::Range;

use serde_json::error::Category;

use super::push_segment;

/// The value that a deserialiser refused.
pub(super) struct Place {
    pub(super) pointer: String,
    /// Where its text is.
    pub(super) value: Range<usize>,
}

/// Finds the value that `read` refused with this error.
pub(super) fn find(
    text: &str,
    error: &serde_json::Error,
    read: fn(&str) -> serde_json::Result<()>,
) -> Place {
    let stop = Stop::at(text, offset(text, error));
    let Some(bracket) = stop.closed_by else {
        return stop.place;
    };
    // `serde_json` reports some errors of the last member at the end of the object or array around
    // it. A comma after that member keeps the deserialiser from reaching this end. An error of the
    // whole object then becomes an error about the comma.
    let mut longer = String::with_capacity(text.len() + 1);
    longer.push_str(&text[..bracket]);
    longer.push(',');
    longer.push_str(&text[bracket..]);
    match read(&longer) {
        Err(again) if again.classify() == Category::Data => {
            let mut place = Stop::at(&longer, offset(&longer, &again)).place;
            place.value.end = place.value.end.min(bracket);
            place.value.start = place.value.start.min(place.value.end);
            place
        }
        _ => stop.place,
    }
}

/// The number of bytes that were read before the error.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = error.line().saturating_sub(1);
    let line = text.split_inclusive('\n').take(lines).map(str::len);
    let offset = line.sum::<usize>().saturating_add(error.column());
    text.floor_char_boundary(offset)
}

/// An object or array that is being read.
struct Open<'t> {
    start: usize,
    member: Member<'t>,
}

/// The member of an object or array that was read last.
enum Member<'t> {
    /// The key as written, with its quotes.
    Key(Option<&'t str>),
    Index(Option<usize>),
}

/// The state after a part of a text was read.
struct Stop {
    place: Place,
    /// The closing bracket, if the part ends with an object or array that has members.
    closed_by: Option<usize>,
}

impl Stop {
    /// Reads the text up to `end`.
    fn at(text: &str, end: usize) -> Self {
        let bytes = text.as_bytes();
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut value = 0..text.len();
        let mut closed_by = None;
        let mut expects_key = false;
        let mut at = 0;
        while at < end {
            let start = at;
            match bytes[at] {
                b'"' if expects_key => {
                    at = end_of_string(bytes, at);
                    if let Some(object) = open.last_mut() {
                        object.member = Member::Key(Some(&text[start..at]));
                    }
                    (expects_key, closed_by, value) = (false, None, start..at);
                }
                bracket @ (b'{' | b'[') => {
                    begin_value(&mut open);
                    expects_key = bracket == b'{';
                    let member = if expects_key {
                        Member::Key(None)
                    } else {
                        Member::Index(None)
                    };
                    open.push(Open { start, member });
                    at += 1;
                    (closed_by, value) = (None, start..text.len());
                }
                b'}' | b']' => {
                    at += 1;
                    if let Some(closed) = open.pop() {
                        let empty =
                            matches!(closed.member, Member::Key(None) | Member::Index(None));
                        closed_by = (!empty).then_some(start);
                        value = closed.start..at;
                    }
                    expects_key = false;
                }
                b',' => {
                    expects_key = open.last().is_some_and(|open| open.has_keys());
                    closed_by = None;
                    at += 1;
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => at += 1,
                first => {
                    begin_value(&mut open);
                    at = if first == b'"' {
                        end_of_string(bytes, at)
                    } else {
                        end_of_word(bytes, at)
                    };
                    (closed_by, value) = (None, start..at);
                }
            }
        }
        let mut pointer = String::new();
        for open in &open {
            match open.member {
                Member::Key(Some(key)) => {
                    let name: String = serde_json::from_str(key).unwrap_or_default();
                    push_segment(&mut pointer, &name);
                }
                Member::Index(Some(index)) => push_segment(&mut pointer, &index.to_string()),
                Member::Key(None) | Member::Index(None) => {}
            }
        }
        Self {
            place: Place { pointer, value },
            closed_by,
        }
    }
}

impl Open<'_> {
    fn has_keys(&self) -> bool {
        matches!(self.member, Member::Key(_))
    }
}

/// Counts the next item, if the innermost open value is an array.
fn begin_value(open: &mut [Open<'_>]) {
    if let Some(Open {
        member: Member::Index(index),
        ..
    }) = open.last_mut()
    {
        *index = Some(index.map_or(0, |index| index + 1));
    }
}

/// The end of the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the number or the word that begins at `start`.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
    let length = bytes[start + 1..].iter().position(ends);
    length.map_or(bytes.len(), |length| start + 1 + length)
}
