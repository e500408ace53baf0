//! Conversion of an event's values to text of bounded size.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};

use serde_json::Value;
use serde_json::value::RawValue;
use tracing::field::{Field, Visit};

/// The most bytes of a message, and of all fields of a line together.
const LIMIT: usize = 16 * 1024;

/// The mark at the end of a text that was cut.
const CUT: &str = "…";

/// The values of an event as text.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    pub(crate) message: String,
    /// The target of an event that comes from the `log` crate.
    pub(crate) target: Option<String>,
    /// The fields as members of a JSON object, in order, without braces.
    pub(super) members: String,
}

impl Visited {
    /// The fields as a JSON object, if there are any.
    pub(crate) fn fields(&self) -> Option<Box<RawValue>> {
        if self.members.is_empty() {
            return None;
        }
        // Each member was written by a serialiser.
        RawValue::from_string(format!("{{{}}}", self.members)).ok()
    }

    fn text(&mut self, name: &str, text: &str) {
        self.debug(name, &format_args!("{text}"));
    }

    fn debug(&mut self, name: &str, value: &dyn Debug) {
        match name {
            "message" => self.message = cut(value, LIMIT),
            "log.target" => self.target = Some(cut(value, LIMIT)),
            name if name.starts_with("log.") => {}
            name => {
                let room = LIMIT.saturating_sub(self.members.len());
                if room > 0 {
                    self.member(name, &Value::String(cut(value, room)));
                }
            }
        }
    }

    fn value(&mut self, name: &str, value: impl Into<Value> + Debug) {
        match name {
            "message" => self.message = cut(&value, LIMIT),
            name if name.starts_with("log.") => {}
            name => self.member(name, &value.into()),
        }
    }

    fn member(&mut self, name: &str, value: &Value) {
        if self.members.len() >= LIMIT {
            return;
        }
        let separator = if self.members.is_empty() { "" } else { "," };
        let name = Value::from(name);
        // Writing to a string cannot fail.
        let _ = write!(self.members, "{separator}{name}:{value}");
    }
}

impl Visit for Visited {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.debug(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field.name(), &crate::error::chain(value).to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.value(field.name(), value);
        } else {
            self.debug(field.name(), &value);
        }
    }
}

/// The debug text of `value`, up to `limit` bytes. Formatting stops there.
fn cut(value: &dyn Debug, limit: usize) -> String {
    let mut text = Bounded {
        text: String::new(),
        limit,
    };
    if write!(text, "{value:?}").is_err() && text.text.len() >= limit.saturating_sub(3) {
        text.text.push_str(CUT);
    }
    text.text
}

/// A text whose writes fail beyond its limit.
struct Bounded {
    text: String,
    limit: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.limit - self.text.len();
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = "ü".repeat(LIMIT);
        let shown = cut(&format_args!("{text}"), LIMIT);
        assert_eq!(shown.len(), LIMIT + CUT.len());
        assert!(shown.ends_with("ü…"));
        assert_eq!(cut(&format_args!("short"), LIMIT), "short");
    }

    #[test]
    fn formatting_stops_at_the_limit() {
        struct Endless;
        impl Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("again and ")?;
                }
            }
        }
        assert_eq!(cut(&Endless, 100).len(), 100 + CUT.len());
    }

    #[test]
    fn fields_keep_their_order_and_types() {
        let mut visited = Visited::default();
        visited.text("z", "ü\u{0}\"");
        visited.value("n", 7_u64);
        visited.value("on", true);
        visited.debug("list", &[1, 2]);
        let fields = visited.fields().map(|fields| fields.get().to_owned());
        assert_eq!(
            fields.as_deref(),
            Some(r#"{"z":"ü\u0000\"","n":7,"on":true,"list":"[1, 2]"}"#)
        );
        assert!(Visited::default().fields().is_none());
    }

    #[test]
    fn fields_beyond_the_limit_are_left_out() {
        let mut visited = Visited::default();
        let long = "x".repeat(2 * LIMIT);
        visited.text("a", &long);
        visited.text("b", &long);
        visited.value("c", 1_u64);
        let fields = visited.fields().expect("one fits");
        let expected = format!(r#"{{"a":"{}…"}}"#, "x".repeat(LIMIT));
        assert_eq!(fields.get(), expected);
    }
}
