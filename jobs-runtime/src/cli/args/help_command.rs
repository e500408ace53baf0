//! The command `help`: `help queues` means `queues --help`.
//!
//! The parser's own command cannot show the fields of a job, as `trigger JOB --help` does.

use std::ffi::OsString;

use super::payload_separator::skip_flags;

/// Rewrites `help COMMAND…` as `COMMAND… --help`, and `help` as `--help`.
pub(in crate::cli) fn rewrite_help(mut words: Vec<OsString>) -> Vec<OsString> {
    let command = skip_flags(&words, 1, &[]);
    if words.get(command).is_some_and(|word| word == "help") {
        words.remove(command);
        words.push("--help".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_stands_behind_the_command_that_it_names() {
        for (line, expected) in [
            ("jobs help", "jobs --help"),
            ("jobs help trigger", "jobs trigger --help"),
            ("jobs help trigger j", "jobs trigger j --help"),
            ("jobs help queues pause", "jobs queues pause --help"),
            (
                "jobs --database help help list",
                "jobs --database help list --help",
            ),
            ("jobs trigger help", "jobs trigger help"),
        ] {
            let words = line.split(' ').map(OsString::from).collect();
            let rewritten = rewrite_help(words).join(" ".as_ref());
            assert_eq!(rewritten, expected);
        }
    }
}
