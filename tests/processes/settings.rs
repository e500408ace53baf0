//! Settings that are misspelt, out of range or secret.

use std::path::Path;

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
        error: lease (from JOBS_LEASE): `2000000000000000h` is not a duration: …
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
