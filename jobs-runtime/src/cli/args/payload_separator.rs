//! The `--` between the flags of the program and those of a payload.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::Args;

/// The flags of the program that a payload may well have, too. After the job's id they are flags of
/// the payload.
const PAYLOAD_WORDS: [&str; 4] = ["--server", "--token", "--context", "--yes"];

/// Inserts a `--` into `trigger JOB --token …`, so that `--token` sets the field of the payload.
pub(in crate::cli) fn separate_payload_flags(mut words: Vec<OsString>) -> Vec<OsString> {
    let command = Args::command();
    let name_of = |word: &OsString| word.to_string_lossy().into_owned();
    // The first word from a position on that is no flag of the program, nor the value of one.
    let skip_flags = |words: &[OsString], mut at: usize, stop_at: &[&str]| {
        while let Some(word) = words.get(at).map(name_of) {
            let flag = word.split('=').next().unwrap_or_default();
            let known = command.get_arguments().find(|argument| {
                argument
                    .get_long()
                    .map(|long| format!("--{long}"))
                    .as_deref()
                    == Some(flag)
            });
            let Some(known) = known.filter(|_| !stop_at.contains(&flag)) else {
                break;
            };
            let has_value_behind = known.get_action().takes_values() && !word.contains('=');
            at += if has_value_behind { 2 } else { 1 };
        }
        at
    };
    let verb = skip_flags(&words, 1, &[]);
    let takes_payload = words
        .get(verb)
        .is_some_and(|word| word == "trigger" || word == "exec");
    if takes_payload {
        let job = skip_flags(&words, verb + 1, &[]);
        let next = skip_flags(&words, job + 1, &PAYLOAD_WORDS);
        let word = words.get(next).map(name_of).unwrap_or_default();
        if PAYLOAD_WORDS.contains(&word.split('=').next().unwrap_or_default()) {
            words.insert(next, "--".into());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_behind_the_job_is_one_of_its_payload() {
        let check = |line: &str, expected: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            let separated: Vec<_> = separate_payload_flags(words)
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            assert_eq!(separated.join(" "), expected);
        };
        for (line, expected) in [
            ("jobs trigger j --token x", "jobs trigger j -- --token x"),
            (
                "jobs exec j --token=x --a 1",
                "jobs exec j -- --token=x --a 1",
            ),
            (
                "jobs --server u --token t trigger j --json --server s",
                "jobs --server u --token t trigger j --json -- --server s",
            ),
            (
                "jobs trigger --server u j --a 1 --token x",
                "jobs trigger --server u j --a 1 --token x",
            ),
            ("jobs list --token x", "jobs list --token x"),
            ("jobs trigger", "jobs trigger"),
        ] {
            check(line, expected);
        }
    }
}
