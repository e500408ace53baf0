//! Settings that are misspelt, out of range or secret.

use std::path::Path;

use serde_json::Value;
use tests::process::run;
use tests::transcript;

use super::PROGRAM;

fn check(dir: &Path, transcript: &str) {
    transcript::check(PROGRAM, dir, transcript);
}

#[test]
fn no_message_shows_a_password() {
    let dir = tempfile::tempdir().expect("a directory");
    check(
        dir.path(),
        r#"
        $ printf 'bind = "127.0.0.1:0"\ndatabase = "postgres://u:secret@h/db' > jobs.toml
        $ jobs config
        error: jobs.toml, line 2, column …: …
        [exit 2]
        $ printf 'database = postgres://u:secret@h/db' > jobs.toml; jobs config
        error: jobs.toml, line 1, column …: …
        [exit 2]
        $ jobs config 2>&1 | grep secret; rm jobs.toml
        $ JOBS_DATABASE='host=h password=secret' jobs list
        error: database (from JOBS_DATABASE): this text names no store: write sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE
        [exit 2]
        $ jobs list --database 'postgres://u:secret@h/db?sslmod=secret'
        error: database (from --database): `postgres://u:…@h/db?sslmod=…` names no store: there is no option `sslmod`, did you mean `sslmode`?
        [exit 2]
        $ jobs move --from 'mysql://u:secret@h/db' --to sqlite:jobs.db
        error: `mysql://…` names no store: …
        [exit 2]
        $ jobs config --database 'postgres://u:secret@h/db?password=secret' | head -2
        SETTING VALUE SOURCE
        database postgres://u:…@h/db?password=… --database
        "#,
    );
}

#[test]
fn settings_that_would_be_ignored_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    check(
        dir.path(),
        r"
        $ JOBS_LESE=1m jobs config | head -1
        SETTING …
        the variable JOBS_LESE sets nothing, did you mean `JOBS_LEASE`?
        $ JOBS_DATABASE=$'sqlite:\xff' jobs list
        error: the value of JOBS_DATABASE is not UTF-8
        [exit 2]
        $ JOBS_DATABASE=$'sqlite:jobs.db\n' jobs list
        error: database (from JOBS_DATABASE): the value contains a line break or another control character: remove it
        [exit 2]
        $ JOBS_LOG=warning jobs list
        error: JOBS_LOG: `warning` is no level, did you mean `warn`?
        [exit 2]
        $ JOBS_LOG=everything jobs list
        error: JOBS_LOG: `everything` is no level: write one of off, error, …
        [exit 2]
        $ JOBS_LOG=$'info\n' jobs --database sqlite::memory: exec test.log --name x 2>&1 | grep -c 'hello x'
        2
        $ JOBS_LOG=inof jobs list
        error: JOBS_LOG: `inof` is no level, did you mean `info`?
        [exit 2]
        $ RUST_LOG=a=b=c jobs config | head -1
        SETTING …
        RUST_LOG: `a=b=c` is no filter (…): … Without it, the log shows `warn`.
        $ echo 'lese = 1' > jobs.toml; jobs config
        error: jobs.toml: unknown key `lese`, did you mean `lease`? The keys are …
        [exit 2]
        $ rm jobs.toml; ls
        ",
    );
}

#[test]
fn values_out_of_range_name_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    check(
        dir.path(),
        r#"
        $ JOBS_LEASE=2000000000000000h jobs config
        error: lease (from JOBS_LEASE): `2000000000000000h` is out of range: give 100ms to 1d
        [exit 2]
        $ JOBS_LEASE=300d jobs run
        error: lease (from JOBS_LEASE): `300d` is out of range: give 100ms to 1d
        [exit 2]
        $ JOBS_GRACE=0s jobs config
        error: grace (from JOBS_GRACE): `0s` is out of range: give 1ms to 1d
        [exit 2]
        $ JOBS_DRAIN=30 jobs config
        error: drain (from JOBS_DRAIN): `30` is not a duration: it lacks its unit, such as `"30s"`
        [exit 2]
        $ jobs run --concurrency 18446744073709551615
        error: concurrency (from --concurrency): `18446744073709551615` is not valid: give a whole number, 1 to 100000
        [exit 2]
        $ JOBS_BLOCKING_CONCURRENCY=0 jobs run
        error: blocking_concurrency (from JOBS_BLOCKING_CONCURRENCY): `0` is not valid: give a whole number, 1 to 10000
        [exit 2]
        $ JOBS_QUEUES=mail:0 jobs run
        error: queues (from JOBS_QUEUES): the concurrent attempts of `mail:0`: `0` is not valid: give a whole number, 1 to 100000
        [exit 2]
        $ JOBS_LIMITS=zoo:60/minute jobs run
        error: limits (from JOBS_LIMITS): `zoo:60/minute`: `60/minute` is not a rate: write `"60/min"`
        [exit 2]
        $ JOBS_BIND=nowhere jobs run
        error: bind (from JOBS_BIND): `nowhere` is not an address: write HOST:PORT, as in 127.0.0.1:8091
        [exit 2]
        "#,
    );
}

/// The settings that have neither numbers nor durations with a range.
const WITHOUT_RANGE: [&str; 21] = [
    "archive",
    "bind",
    "broker",
    "broker_password_file",
    "broker_prefix",
    "context",
    "cors_origins",
    "database",
    "hosts",
    "instance",
    "labels",
    "limits",
    "log_attempts",
    "log_format",
    "server",
    "tls_certificate",
    "tls_key",
    "token",
    "token_file",
    "trace_link",
    "trusted_network",
];

/// Every setting of the program is tried: those with a range at its bounds, and just beyond them.
#[test]
fn every_setting_keeps_to_its_range_and_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = run(PROGRAM, dir.path(), &["config", "--json"]);
    let entries: Value = serde_json::from_str(&config.out).expect("JSON");
    for entry in entries.as_array().expect("a list") {
        let key = entry["key"].as_str().expect("a key");
        // Each kind of range excludes one of these values.
        let mut probes = ["9999999", "0s", "300d"].into_iter();
        let range = probes.find_map(|value| range_in(&configure(dir.path(), key, value)));
        let is_listed = WITHOUT_RANGE.contains(&key);
        assert_eq!(range.is_none(), is_listed, "{key} has the range {range:?}");
        let Some((least, most)) = range else {
            continue;
        };
        for value in [&least, &most] {
            let said = configure(dir.path(), key, value);
            assert!(said.starts_with("SETTING"), "{key} = {value}: {said}");
        }
        let variable = format!("JOBS_{}", key.to_uppercase());
        for value in beyond(&least, &most) {
            let said = configure(dir.path(), key, &value);
            let source = format!("error: {key} (from {variable}): ");
            let range = format!("{least} to {most}");
            assert!(
                said.starts_with(&source) && said.contains(&range) && said.ends_with("[exit 2]\n"),
                "{key} = {value}: {said}"
            );
        }
    }
}

/// What `config` prints with a value of a setting. A list gets the value within an item.
fn configure(dir: &Path, key: &str, value: &str) -> String {
    let name = match key {
        "ageing" | "queues" => "default:",
        "job_concurrency" => "test.echo:",
        "limits" => "test-api:",
        _ => "",
    };
    let variable = format!("JOBS_{}", key.to_uppercase());
    transcript::type_command(
        PROGRAM,
        dir,
        &format!("{variable}='{name}{value}' jobs config"),
    )
}

/// The range that a message names: `give 100ms to 1d`, `give a whole number, 1 to 100000`.
fn range_in(message: &str) -> Option<(String, String)> {
    let (_, range) = message.split_once("give ")?;
    let range = range.strip_prefix("a whole number, ").unwrap_or(range);
    let (least, rest) = range.split_once(" to ")?;
    let most = rest.split_whitespace().next()?;
    let is_number = least.starts_with(|c: char| c.is_ascii_digit());
    is_number.then(|| (least.to_owned(), most.to_owned()))
}

/// The values next to a range, in the units of its bounds, and one that is far from it.
fn beyond(least: &str, most: &str) -> Vec<String> {
    let split = |bound: &str| -> (u64, String) {
        let end = bound.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = bound.split_at(end.unwrap_or(bound.len()));
        (number.parse().expect("a number"), unit.to_owned())
    };
    let ((least, low), (most, high)) = (split(least), split(most));
    let below = least.checked_sub(1).map(|number| format!("{number}{low}"));
    let above = [most + 1, 99_999_999].map(|number| format!("{number}{high}"));
    below.into_iter().chain(above).collect()
}

#[test]
fn texts_that_are_too_long_name_the_bound() {
    let dir = tempfile::tempdir().expect("a directory");
    check(
        dir.path(),
        r"
        $ JOBS_INSTANCE=$(printf '%060d' 0) jobs config | head -1
        SETTING …
        $ JOBS_INSTANCE=$(printf '%061d' 0) jobs config
        error: instance (from JOBS_INSTANCE): `000…` is too long: give up to 60 characters
        [exit 2]
        $ JOBS_LABELS=$(printf '%065d' 0) jobs config
        error: labels (from JOBS_LABELS): label `000…` is too long: shorten it to 64 characters
        [exit 2]
        $ JOBS_LABELS=$(seq -s, 17) jobs config
        error: labels (from JOBS_LABELS): there are 17 labels: give at most 16
        [exit 2]
        $ JOBS_BROKER=amqp://host JOBS_BROKER_PREFIX=$(printf '%061d' 0) jobs config
        error: broker_prefix (from JOBS_BROKER_PREFIX): a prefix has up to 60 letters, …
        [exit 2]
        ",
    );
}

#[test]
fn names_that_do_not_exist_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    check(
        dir.path(),
        r"
        $ jobs trigger test.add --a 1 --b 2
        …  enqueued test.add
        $ jobs executions --job test.ad
        error: no job `test.ad`, did you mean `test.add` or …
        [exit 2]
        $ jobs executions --queue defalt
        error: there is no queue `defalt`; did you mean `default`?
        [exit 2]
        $ jobs executions --job test.echo
        EXECUTION …
        $ jobs work --until-idle --queues defalt
        …
        no linked job uses the queue `defalt`, did you mean `default`?
        …
        $ jobs work --until-idle --queues Default
        error: --queues: `Default` is not an id (…): write …
        [exit 2]
        ",
    );
}

#[test]
fn sensitive_fields_are_masked_unless_they_are_revealed() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = run(
        PROGRAM,
        dir.path(),
        &["exec", "test.secret", "--token", "hush"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let listed = run(PROGRAM, dir.path(), &["executions", "--json"]);
    let id = listed
        .out
        .split('"')
        .find(|word| word.len() == 36)
        .expect("an id");
    let shows = |args: &[&str]| run(PROGRAM, dir.path(), args).out.contains("hush");
    for args in [
        &["execution", id][..],
        &["execution", id, "--json"],
        &["executions", "--json"],
    ] {
        assert!(!shows(args), "{args:?}");
        assert!(shows(&[args, &["--reveal"]].concat()), "{args:?} --reveal");
    }
}
