//! Trace contexts as text: a W3C `traceparent`, followed by a space and the `tracestate` if there
//! is one. Executions carry them, also through processes that export nothing.

/// The longest `tracestate` that is kept, in bytes. The standard asks for at least 512.
const MAX_STATE: usize = 512;

/// Joins the two headers of a request. An invalid `traceparent` is dropped with its `tracestate`,
/// and an invalid `tracestate` alone, as the standard requires.
pub(crate) fn join(parent: &str, state: Option<&str>) -> Option<String> {
    if !is_valid_parent(parent) {
        return None;
    }
    Some(with_state(parent.to_owned(), state.unwrap_or_default()))
}

/// Joins a valid `traceparent` and a `tracestate`, which is dropped if it is empty or invalid.
pub(crate) fn with_state(mut parent: String, state: &str) -> String {
    if is_valid_state(state) {
        parent.push(' ');
        parent.push_str(state);
    }
    parent
}

/// Splits a trace context into `traceparent` and `tracestate`.
pub(crate) fn split(context: &str) -> (&str, Option<&str>) {
    match context.split_once(' ') {
        Some((parent, state)) => (parent, Some(state)),
        None => (context, None),
    }
}

/// Checks a trace context of a caller.
pub(crate) fn checked(context: Option<String>) -> Option<String> {
    let context = context?;
    let (parent, state) = split(&context);
    join(parent, state)
}

/// Returns the trace id.
pub(crate) fn trace_id(context: &str) -> Option<&str> {
    // Every version begins with two digits, a trace id of 32 and a parent of 16.
    context.get(3..35)
}

fn is_valid_parent(parent: &str) -> bool {
    let mut parts = parent.split('-');
    let mut hex = |length: usize| {
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let part = parts.next();
        part.filter(|part| part.len() == length && part.bytes().all(is_hex))
    };
    let is_named = |id: &str| id.bytes().any(|byte| byte != b'0');
    let (Some(version), Some(trace), Some(span), Some(_flags)) = (hex(2), hex(32), hex(16), hex(2))
    else {
        return false;
    };
    let is_complete = parts.next().is_none();
    let is_printable = parent.bytes().all(|byte| byte.is_ascii_graphic());
    version != "ff"
        && is_named(trace)
        && is_named(span)
        && (is_complete || version != "00")
        && is_printable
        && parent.len() <= 255
}

fn is_valid_state(state: &str) -> bool {
    let members = || state.split(',').map(str::trim);
    !state.is_empty()
        && state.len() <= MAX_STATE
        && state
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && members().count() <= 32
        && members().all(|member| {
            member
                .split_once('=')
                .is_some_and(|(key, _)| !key.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn an_invalid_traceparent_is_dropped() {
        let check = |header: &str, is_kept: bool| {
            assert_eq!(join(header, None).is_some(), is_kept, "{header}");
        };
        check(PARENT, true);
        check(
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            true,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            false,
        );
        check(
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            false,
        );
        check("nonsense", false);
    }

    #[test]
    fn an_invalid_tracestate_is_dropped_alone() {
        let check = |state: &str, kept: Option<&str>| {
            let joined = join(PARENT, Some(state)).expect("the parent is valid");
            assert_eq!(split(&joined), (PARENT, kept));
            assert_eq!(checked(Some(joined.clone())), Some(joined));
        };
        check("a=1,b=2", Some("a=1,b=2"));
        check("", None);
        check("no member", None);
        check("a=\u{1b}", None);
        check(&format!("a={}", "x".repeat(600)), None);
        assert_eq!(join("nonsense", Some("a=1")), None);
        assert_eq!(trace_id(PARENT), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    }
}
