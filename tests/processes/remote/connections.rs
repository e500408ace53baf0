//! The way to a server: refusals and their advice, contexts, certificates.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::process::{Ran, Server, run};
use tests::tls::Certificate;

use super::{Both, assert_same};
use crate::PROGRAM;

/// Runs the program in a directory, with these environment variables.
fn with_env(dir: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let output = Command::new(PROGRAM)
        .args(args)
        .current_dir(dir)
        .env_remove("JOBS_TEST_TIER")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_command_that_cannot_use_the_server_says_what_to_type() {
    let both = Both::start();
    let create = |role: &str| {
        let created = both.local(&["token", "create", "--role", role]);
        assert_eq!(created.code, 0, "{created:?}");
        created.out.trim().to_owned()
    };
    let viewer = create("viewer");
    let check = |ran: &Ran, code: i32, parts: &[&str]| {
        assert_eq!(ran.code, code, "{ran:?}");
        for part in parts {
            assert!(ran.err.contains(part), "no `{part}` in {ran:?}");
        }
    };
    let url = both.url();
    let elsewhere = both.elsewhere.path();
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];

    let anonymous = run(PROGRAM, elsewhere, &["--server", &url, "list"]);
    check(
        &anonymous,
        1,
        &["asks for a token", "`--token TOKEN`", "JOBS_TOKEN"],
    );
    let refused = both.remote_as(&viewer, &trigger);
    check(
        &refused,
        1,
        &["needs the role operator", "`token create --role operator`"],
    );
    let refused = both.remote_as(&viewer, &["audit"]);
    check(&refused, 1, &["`token create --role admin`"]);
    let revoked = both.local(&["token", "create", "--role", "viewer"]).out;
    let id = revoked
        .trim()
        .split('.')
        .next()
        .expect("an id")
        .replace("jobs_", "");
    assert_eq!(both.remote(&["token", "revoke", &id]).code, 0);
    let refused = both.remote_as(revoked.trim(), &["list"]);
    check(&refused, 1, &["refuses the token", "`token list`"]);

    for command in [
        &["run"][..],
        &["work"],
        &["serve"],
        &["exec", "test.add"],
        &["migrate"],
        &["prune"],
        &["move", "--from", "sqlite:a", "--to", "sqlite:b"],
        &["bench", "drain"],
        &["check", "--waiting"],
    ] {
        let refused = both.remote(command);
        check(
            &refused,
            2,
            &["works on the store itself", "--server names a server"],
        );
    }
    let both_given = both.remote(&["--database", "sqlite:x.db", "list"]);
    check(
        &both_given,
        2,
        &["`database` and `server` exclude each other"],
    );
    let wrong = run(PROGRAM, elsewhere, &["--server", "jobs.example", "list"]);
    check(
        &wrong,
        2,
        &["server (from --server)", "write http://HOST:PORT"],
    );
    // A port on which nothing listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let gone = run(PROGRAM, elsewhere, &["--server", &address, "list"]);
    check(&gone, 1, &["cannot reach the server", "Is it running"]);
    // The token is not shown.
    let config = both.remote(&["config"]);
    assert!(!config.out.contains(&both.token), "{config:?}");
    assert!(config.out.contains("•••"), "{config:?}");
}

#[test]
fn a_context_names_a_server_and_production_asks_first() {
    let both = Both::start();
    let config = tempfile::tempdir().expect("a directory");
    let jobs = config.path().join("jobs");
    std::fs::create_dir(&jobs).expect("a directory");
    std::fs::write(jobs.join("admin.token"), format!("{}\n", both.token)).expect("a file");
    let text = format!(
        "[context.staging]\nserver = '{0}'\ntoken_file = 'admin.token'\n\
         [context.production]\nserver = '{0}'\ntoken_file = 'admin.token'\nproduction = true\n",
        both.url()
    );
    std::fs::write(jobs.join("config.toml"), text).expect("a file");
    let home = config.path().to_str().expect("a text");
    let elsewhere = both.elsewhere.path();
    let here = |args: &[&str]| with_env(elsewhere, &[("XDG_CONFIG_HOME", home)], args);

    let listed = here(&["--context", "staging", "list"]);
    assert_same(&["list"], &both.local(&["list"]), &listed);
    let variables = [("XDG_CONFIG_HOME", home), ("JOBS_CONTEXT", "staging")];
    let listed = with_env(elsewhere, &variables, &["list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let misspelt = here(&["--context", "stagin", "list"]);
    assert_eq!(misspelt.code, 2, "{misspelt:?}");
    assert!(
        misspelt.err.contains("did you mean `staging`"),
        "{misspelt:?}"
    );
    let run = with_env(elsewhere, &variables, &["run"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("JOBS_CONTEXT names a server"), "{run:?}");

    // Production is read without a question, and changed only with `--yes`.
    let id = both.enqueued();
    let production = ["--context", "production"];
    let with = |args: &[&str]| here(&[&production[..], args].concat());
    assert_eq!(with(&["execution", &id]).code, 0);
    let trigger = ["trigger", "test.add", "--a", "1", "--b", "2"];
    let dry_run = [&trigger[..], &["--dry-run"]].concat();
    assert_eq!(with(&dry_run).code, 0);
    for args in [
        &["cancel", &id][..],
        &trigger,
        &["queues", "pause", "default"],
        &["token", "create", "--role", "admin"],
        &["schedules", "run", "x"],
        &["cancel", "--where", "status=queued"],
    ] {
        let refused = with(args);
        assert_eq!(refused.code, 2, "{args:?}: {refused:?}");
        assert!(refused.err.contains("nothing was changed"), "{refused:?}");
        assert!(refused.err.contains("--yes"), "{refused:?}");
    }
    let explained = both.local(&["execution", &id, "--json"]);
    assert!(explained.out.contains("\"queued\""), "{explained:?}");
    let yes = with(&["--yes", "cancel", &id]);
    assert_eq!(yes.code, 0, "{yes:?}");
}

#[test]
fn a_server_with_a_certificate_is_reached_by_https() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = Certificate::create(dir.path(), "server");
    let settings = certificate.settings();
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let url = format!("https://localhost:{}", server.address.port());
    let trusted = certificate.certificate.to_str().expect("a text");
    let add = ["trigger", "test.add", "--a", "1", "--b", "2", "--wait"];
    let args = [&["--server", &url], &add[..]].concat();
    let sum = with_env(elsewhere.path(), &[("SSL_CERT_FILE", trusted)], &args);
    assert_eq!((sum.code, sum.out.trim()), (0, "3"), "{sum:?}");

    let other = Certificate::create(dir.path(), "other").certificate;
    let other = other.to_str().expect("a text");
    let refused = with_env(elsewhere.path(), &[("SSL_CERT_FILE", other)], &args);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("certificate"), "{refused:?}");
    let plain = url.replace("https", "http");
    let plain = run(PROGRAM, elsewhere.path(), &["--server", &plain, "list"]);
    assert_eq!(plain.code, 1, "{plain:?}");
    assert!(
        plain
            .err
            .contains("use an address that begins with https://"),
        "{plain:?}"
    );
}
