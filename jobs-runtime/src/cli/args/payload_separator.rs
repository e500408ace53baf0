//! The line between the flags of the program and those of a payload, in `trigger` and `exec`.

use std::ffi::OsString;
use std::ops::Range;

use clap::CommandFactory as _;

use super::{Args, JobArgs};

/// The flags of the program that a payload may well have, too. After the job's id they are flags of
/// the payload.
const PAYLOAD_WORDS: [&str; 4] = ["--server", "--token", "--context", "--yes"];

/// Inserts a `--` into `trigger JOB --token …`, so that `--token` sets the field of the payload.
pub(in crate::cli) fn separate_payload_flags(mut words: Vec<OsString>) -> Vec<OsString> {
    if let Some(Range { end, .. }) = program_words(&words)
        && words.get(end).is_some_and(is_payload_word)
    {
        words.insert(end, "--".into());
    }
    words
}

impl JobArgs {
    /// The flags that are the program's directly behind the job's id, without their hyphens.
    pub(in crate::cli) fn program_flags() -> Vec<String> {
        let command = Args::command();
        let flags = command.get_arguments().filter_map(|flag| flag.get_long());
        let flags = flags.filter(|flag| !PAYLOAD_WORDS.contains(&&*format!("--{flag}")));
        flags.map(str::to_owned).collect()
    }

    /// Those of them that this process got behind the job's id.
    pub(in crate::cli) fn program_flags_behind_job() -> Vec<String> {
        let words: Vec<OsString> = std::env::args_os().collect();
        flags_behind_job(&words)
    }
}

/// The flags of the program behind the job's id, without their hyphens and values.
fn flags_behind_job(words: &[OsString]) -> Vec<String> {
    let range = program_words(words).unwrap_or_default();
    let words = words.get(range).into_iter().flatten();
    let flags = words.filter_map(|word| Some(flag_of(word).strip_prefix("--")?.to_owned()));
    flags.collect()
}

/// The place of the program's flags between the job's id and the flags of its payload. `None` for
/// other commands.
fn program_words(words: &[OsString]) -> Option<Range<usize>> {
    let verb = skip_flags(words, 1, &[]);
    let is_verb = |word: &OsString| word == "trigger" || word == "exec";
    if !words.get(verb).is_some_and(is_verb) {
        return None;
    }
    let behind_job = skip_flags(words, verb + 1, &[]) + 1;
    let end = skip_flags(words, behind_job, &PAYLOAD_WORDS);
    // A flag without its value ends behind the last word.
    Some(behind_job.min(words.len())..end.min(words.len()))
}

/// The position of the first word from `at` on that is no flag of the program, nor the value of
/// one.
pub(super) fn skip_flags(words: &[OsString], mut at: usize, stop_at: &[&str]) -> usize {
    let command = Args::command();
    while let Some(word) = words.get(at) {
        let flag = flag_of(word);
        let Some(name) = flag.strip_prefix("--") else {
            break;
        };
        let mut flags = command.get_arguments();
        let known = flags.find(|argument| argument.get_long() == Some(name));
        let Some(known) = known.filter(|_| !stop_at.contains(&&*flag)) else {
            break;
        };
        let has_value = word.to_string_lossy().contains('=');
        let takes_next = known.get_action().takes_values() && !has_value;
        at += if takes_next { 2 } else { 1 };
    }
    at
}

fn is_payload_word(word: &OsString) -> bool {
    PAYLOAD_WORDS.contains(&&*flag_of(word))
}

/// The word up to its `=`.
fn flag_of(word: &OsString) -> String {
    let word = word.to_string_lossy();
    word.split('=').next().unwrap_or_default().to_owned()
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

    #[test]
    fn flags_of_the_program_behind_the_job_are_told() {
        let check = |line: &str, expected: &[&str]| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            assert_eq!(flags_behind_job(&words), expected, "{line}");
        };
        check("jobs trigger j --concurrency 4 --url x", &["concurrency"]);
        check(
            "jobs exec j --json --bind=a -- --concurrency 4",
            &["json", "bind"],
        );
        check("jobs trigger j --concurrency", &["concurrency"]);
        check("jobs --concurrency 4 trigger --retain 1d j --url x", &[]);
        check("jobs trigger j --url x --concurrency 4", &[]);
        check("jobs trigger j --token x --concurrency 4", &[]);
        check("jobs list --concurrency 4", &[]);
        check("jobs trigger", &[]);
        let flags = JobArgs::program_flags();
        assert!(flags.contains(&"concurrency".to_owned()), "{flags:?}");
        assert!(!flags.contains(&"token".to_owned()), "{flags:?}");
    }
}
