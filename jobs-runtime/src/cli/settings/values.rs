//! Parsers of single settings, each with its range.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The values of a setting that are durations.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct DurationRange {
    least: &'static str,
    most: &'static str,
}

/// A worker renews its lease at every third of it.
pub(super) const LEASE: DurationRange = DurationRange::new("100ms", "1d");
pub(super) const GRACE: DurationRange = DurationRange::new("1ms", "1d");
pub(super) const DRAIN: DurationRange = DurationRange::new("1ms", "7d");
pub(super) const STORE_WAIT: DurationRange = DurationRange::new("0s", "1d");
pub(super) const SIGN_IN_FOR: DurationRange = DurationRange::new("1m", "30d");
pub(super) const HEADER_TIMEOUT: DurationRange = DurationRange::new("100ms", "1h");
pub(super) const AUDIT_RETAIN: DurationRange = DurationRange::new("1h", "366d");
pub(in crate::cli) const AGEING: DurationRange = DurationRange::new("1ms", "366d");
pub(in crate::cli) const RETENTION: DurationRange = DurationRange::new("1ms", "366d");

/// The attempts of async handlers at a time.
pub(in crate::cli) const ATTEMPTS: RangeInclusive<usize> = 1..=100_000;

/// The connections of the HTTP interface.
pub(super) const CONNECTIONS: RangeInclusive<usize> = 1..=1_000_000;

/// The attempts of blocking handlers at a time. Each has a thread.
pub(super) const BLOCKING_ATTEMPTS: RangeInclusive<usize> = 1..=10_000;

/// The hues of colours, in degrees.
const HUES: RangeInclusive<u16> = 0..=359;

impl DurationRange {
    const fn new(least: &'static str, most: &'static str) -> Self {
        Self { least, most }
    }

    /// Parses a duration of the range.
    pub(in crate::cli) fn parse(self, text: &str) -> Result<Duration, String> {
        let duration = jobs_grammar::duration::parse_any(text)?;
        let least = jobs_grammar::duration::parse(self.least)?;
        let most = jobs_grammar::duration::parse(self.most)?;
        if (least..=most).contains(&duration) {
            Ok(duration)
        } else {
            Err(format!(
                "`{text}` is out of range: give {} to {}",
                self.least, self.most
            ))
        }
    }
}

/// Parses a whole number of a range.
pub(in crate::cli) fn parse_number<N>(text: &str, range: &RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + fmt::Display,
{
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "`{text}` is not valid: give a whole number, {} to {}",
            range.start(),
            range.end()
        )),
    }
}

/// The form of the program's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Parses `text` or `json`.
pub(super) fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is not valid: give text or json")),
    }
}

/// Parses `true` or `false`.
pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not valid: give true or false"))
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("`{text}` is not an address: write HOST:PORT, as in 127.0.0.1:8091"))
}

/// Parses the path of a file; `None` for an empty text.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a parser of settings returns a result"
)]
pub(super) fn parse_file(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| text.into()))
}

/// Parses the name of the instance; `None` for an empty text.
pub(super) fn parse_name(text: &str) -> Result<Option<String>, String> {
    match text.chars().count() {
        0 => Ok(None),
        1..=60 => Ok(Some(text.to_owned())),
        _ => Err(format!("`{text}` is too long: give up to 60 characters")),
    }
}

/// Parses the hue of a colour; `None` for an empty text.
pub(super) fn parse_hue(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_number(text, &HUES).map(Some)
}

/// Parses the template of the addresses of traces; `None` for an empty text.
pub(super) fn parse_trace_link(text: &str) -> Result<Option<String>, String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    match text {
        "" => Ok(None),
        _ if is_web && text.contains("{traceId}") => Ok(Some(text.to_owned())),
        _ => Err(format!(
            "`{text}` is not valid: give an address with {{traceId}}, as in \
             https://traces.example/{{traceId}}"
        )),
    }
}

/// Parses the directory of the archive; empty for none.
#[cfg(feature = "archive")]
pub(super) fn parse_archive(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| text.into()))
}

/// Rejects an archive: this program was built without the feature `archive`.
#[cfg(not(feature = "archive"))]
pub(super) fn reject_archive(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Ok(()),
        _ => Err("this program was built without the feature `archive` of `jobs-runtime`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_traces_is_an_address_of_the_web() {
        let link = "https://traces.example/{traceId}";
        assert_eq!(parse_trace_link(link), Ok(Some(link.to_owned())));
        for text in ["javascript:alert('{traceId}')", "https://traces.example/"] {
            let error = parse_trace_link(text).expect_err(text);
            assert!(error.contains("give an address with {traceId}"), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_name_the_range() {
        for text in ["99ms", "2d", "0s", "2000000000000000h"] {
            let error = LEASE.parse(text).expect_err(text);
            assert_eq!(error, format!("`{text}` is out of range: give 100ms to 1d"));
        }
        for text in ["soon", "-5m", "30"] {
            let error = LEASE.parse(text).expect_err(text);
            assert!(error.contains("is not a duration"), "{error}");
        }
        assert_eq!(LEASE.parse("100ms"), Ok(Duration::from_millis(100)));
        for text in ["0", "100001", "many", "-1", "99999999999999999999999"] {
            let error = parse_number(text, &ATTEMPTS).expect_err(text);
            assert!(error.ends_with("1 to 100000"), "{error}");
        }
    }
}
