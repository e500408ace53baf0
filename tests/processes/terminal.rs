//! Texts that users wrote, shown on a terminal: none reaches it raw.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::database::Database;
use tests::process::{Ran, Server, run, wait_for};
use tests::transcript;

use super::PROGRAM;

/// Clears the screen, writes the clipboard, overwrites its line, forges a line, reorders text.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]52;c;cm0=\u{7}a\rb\nforged\u{9b}2J\u{202e}\u{2066}c\u{7f}\u{2028}forged";

/// The part of it that options and names may have. They reject control characters.
const REORDERED: &str = "a\u{202e}\u{2066}c\u{2028}forged";

/// The filter of a bulk operation on the executions with that item id.
const OF_ITEM: &str = "item=\"a\u{202e}\u{2066}c\u{2028}forged\"";

/// A payload of `test.echo`, of which JSON escapes a part only.
const ECHO: &str = "{\"text\":\"\\u001b[2J\\nforged\u{9b}2J\u{202e}\u{2066}c\u{2028}forged\"}";

/// The same for `test.external`.
const EXTERNAL: &str = "{\"file_id\":\"\\u001b[2J\\nforged\u{9b}2J\u{202e}\u{2066}c\"}";

/// The options that make JSON of the result and of each line of the log.
const JSON: &[&str] = &["--json", "--log-format", "json"];

/// The forms of the output. Options stand before the command, because those of `trigger` depend on
/// the job.
const FORMS: [&[&str]; 2] = [&[], JSON];

/// Commands that change nothing, and succeed. Words in capitals stand for ids of [`plant`].
const READS: &[&[&str]] = &[
    &["audit"],
    &["client", "python"],
    &["client", "typescript"],
    &["config"],
    &["doctor", "--bind", "127.0.0.1:0"],
    &["execution", "BLOCKED"],
    &["execution", "ECHOED"],
    &["execution", "ERASED"],
    &["execution", "FAILED"],
    &["executions"],
    &["executions", "--item", REORDERED],
    &["executions", "--text", "forged"],
    &["explain", "BLOCKED"],
    &["explain", "ECHOED"],
    &["explain", "FAILED"],
    &["explain", "PAUSED"],
    &["failures"],
    &["list"],
    &["logs", "FAILED"],
    &["logs", "FAILED", "--follow"],
    &["openapi"],
    &["operations"],
    // The operation has ended: its cancellation shows it.
    &["operations", "cancel", "OPERATION"],
    &["operations", "show", "OPERATION"],
    &["processes"],
    &["queues"],
    &["schedules"],
    &["schedules", "show", "planted"],
    &["schema"],
    &["show", "test.hostile"],
    &["token", "list"],
    &["top", "--once"],
    &["trigger", "test.hostile", "--dry-run", "--text", HOSTILE],
    &["trigger", "test.hostile", "--help"],
];

/// Commands that change something, and succeed in this order. `ID` is an execution of
/// `test.external`, which waits, and `TOKEN` is a token.
const ACTS: &[&[&str]] = &[
    &["edit", "ID", "--priority", "high", "--payload", EXTERNAL],
    &["cancel", "ID"],
    &["retry", "ID"],
    &["cancel", "ID"],
    &["erase", "ID", "--by", REORDERED],
    &["delete", "ID"],
    &["cancel", "--where", OF_ITEM, "--yes"],
    &["edit", "--where", OF_ITEM, "--priority", "high", "--yes"],
    &["queues", "pause", "default", "--reason", REORDERED],
    &["queues", "drain", "default"],
    &["queues", "resume", "default"],
    &[
        "schedules",
        "create",
        "acted",
        "test.echo",
        "@hourly",
        "--payload",
        ECHO,
    ],
    &["schedules", "edit", "acted", "--payload", ECHO],
    &["schedules", "pause", "acted"],
    &["schedules", "resume", "acted"],
    &["schedules", "run", "acted"],
    &["schedules", "delete", "acted"],
    &["trigger", "test.paced", "--millis", "1"],
    &["limits", "reset", "test.paced/rate"],
    &["token", "create", "--role", "viewer", "--name", REORDERED],
    &["token", "revoke", "TOKEN"],
];

/// Commands that execute hostile jobs, or wait for a worker that does. Some of them fail.
const EXECUTIONS: &[&[&str]] = &[
    &["exec", "test.hostile", "--help"],
    &["exec", "test.hostile", "--text", HOSTILE],
    &["trigger", "test.echo", "--text", HOSTILE, "--wait"],
    &["trigger", "test.hostile", "--text", HOSTILE, "--wait"],
];

/// Commands on the store itself and on files, in this order. Some of them fail: rows of the import
/// are refused, and the lock file names a job that does not exist.
const LOCAL: &[&[&str]] = &[
    &["work", "--until-idle"],
    &[
        "import",
        "apalis",
        "--from",
        "sqlite:apalis.db",
        "--map",
        "app::Sum=test.add",
    ],
    &["check"],
    &["check", "--waiting"],
    &["check", "--update"],
    &["prune", "--dry-run"],
    &["prune", "--retain", "1ms", "--archive", "kept"],
    &["archive", "--archive", "kept"],
    &["archive", "read", "--archive", "kept"],
    &["archive", "grep", "forged", "--archive", "kept"],
    &["archive", "restore", "--all", "--archive", "kept"],
    &["migrate", "--status"],
    &[
        "move",
        "--from",
        "sqlite:jobs.db",
        "--to",
        "sqlite:moved.db",
        "--keep-source",
    ],
    &["broker", "on"],
    &["broker", "off"],
    &["completions", "bash"],
    &["man", "pages"],
];

/// The commands that are in none of these lists, each with the reason.
const LEFT_OUT: [(&str, &str); 10] = [
    ("bench", "it measures stores of its own"),
    ("broker", "it prints its help"),
    ("dead-letters", "it prints its help"),
    ("dead-letters-drop", "it needs a broker"),
    ("dead-letters-list", "it needs a broker"),
    ("dead-letters-requeue", "it needs a broker"),
    ("limits", "it prints its help"),
    ("run", "it has no end: the tests read its log"),
    ("serve", "it has no end: the tests read its log"),
    ("token", "it prints its help"),
];

/// Fails if a command printed a control character or a forged line.
fn check(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        check_text(text, what);
    }
}

fn check_text(text: &str, what: &str) {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    let reorders = |c: char| {
        matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
    };
    let is_raw = |c: &char| is_control(*c) || reorders(*c);
    let found: Vec<char> = text.chars().filter(is_raw).collect();
    assert!(found.is_empty(), "{what} printed {found:?}:\n{text:?}");
    let forged = text.lines().find(|line| line.starts_with("forged"));
    assert_eq!(forged, None, "{what} printed:\n{text}");
}

/// Fails unless every line is a JSON object.
fn check_objects<'a>(lines: impl IntoIterator<Item = &'a str>, what: &str) -> Vec<Value> {
    let objects = lines.into_iter().map(|line| {
        let object: Option<Value> = serde_json::from_str(line).ok();
        let object = object.filter(Value::is_object);
        object.unwrap_or_else(|| panic!("{what} logged:\n{line}"))
    });
    objects.collect()
}

/// Runs a command with these flags before it, and checks its output.
fn show_with(flags: &[&str], dir: &Path, args: &[&str]) -> Ran {
    let args = [flags, args].concat();
    let ran = run(PROGRAM, dir, &args);
    check(&ran, &format!("{args:?}"));
    ran
}

/// Runs a command in every form, and checks its output. Returns the JSON document.
fn show(dir: &Path, args: &[&str]) -> Value {
    let [_, json] = FORMS.map(|form| show_with(form, dir, args));
    serde_json::from_str(&json.out).unwrap_or(Value::Null)
}

/// Like [`show_with`], for a command that must not be a usage error: that would show no stored
/// text. With [`JSON`], its log has objects alone.
fn show_stored(flags: &[&str], dir: &Path, args: &[&str]) -> Ran {
    let ran = show_with(flags, dir, args);
    assert_ne!(ran.code, 2, "{args:?}: {ran:?}");
    if flags.starts_with(JSON) {
        check_objects(ran.err.lines(), &format!("{args:?}"));
    }
    ran
}

/// Runs commands that may fail, in every form.
fn show_each(dir: &Path, commands: &[&[&str]]) {
    for args in commands {
        for form in FORMS {
            show_stored(form, dir, args);
        }
    }
}

/// Runs [`READS`] in every form. `server` has the flags that name a server, or none.
fn show_reads(server: &[&str], dir: &Path, ids: &[(&str, String)]) {
    for args in READS {
        let args = with_ids(args, ids);
        for form in FORMS {
            let ran = show_stored(&[form, server].concat(), dir, &args);
            assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        }
    }
}

/// Runs [`ACTS`] in every form, each time on another execution and another token.
fn show_acts(server: &[&str], dir: &Path) {
    let created = |args: &[&str], key: &str| {
        let ran = run(PROGRAM, dir, &[&["--json"], server, args].concat());
        id_of(&ran, key)
    };
    for form in FORMS {
        let external = ["trigger", "test.external", "--file-id", HOSTILE];
        let token = ["token", "create", "--role", "viewer", "--name", REORDERED];
        let ids = [
            ("ID", created(&external, "executionId")),
            ("TOKEN", created(&token, "id")),
        ];
        for args in ACTS {
            let args = with_ids(args, &ids);
            let ran = show_stored(&[form, server].concat(), dir, &args);
            assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        }
    }
}

/// The words of a command, with ids in the place of their names.
fn with_ids<'a>(args: &[&'a str], ids: &'a [(&str, String)]) -> Vec<&'a str> {
    let words = args.iter().map(|arg| {
        let known = ids.iter().find(|(name, _)| name == arg);
        known.map_or(*arg, |(_, id)| id.as_str())
    });
    words.collect()
}

/// An id in the JSON document that a command printed.
fn id_of(ran: &Ran, key: &str) -> String {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_default();
    let id = document[key].as_str();
    id.unwrap_or_else(|| panic!("no {key}: {ran:?}")).to_owned()
}

/// Puts hostile texts into everything that keeps one: payloads, options, errors, logs, results, a
/// limit, a pause, a schedule, a token, an erasure, an operation, the name of an operator. Returns
/// the ids for the words in capitals.
fn plant(dir: &Path) -> Vec<(&'static str, String)> {
    let act = |args: &[&str]| {
        let ran = run(PROGRAM, dir, args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    };
    let trigger = |args: &[&str]| {
        let ran = act(&[&["--json", "trigger"], args].concat());
        id_of(&ran, "executionId")
    };
    let options = [
        "--text",
        HOSTILE,
        "--item",
        REORDERED,
        "--correlation-id",
        REORDERED,
        "--created-by",
        REORDERED,
        "--tag",
        REORDERED,
    ];
    let [failed, echoed] =
        ["test.hostile", "test.echo"].map(|job| trigger(&[&[job], &options[..]].concat()));
    // The retry is due a little after the worker is idle.
    wait_for("the executions to end", || {
        act(&["work", "--until-idle"]);
        let is_final = |id: &str| !show(dir, &["execution", id])["finishedAt"].is_null();
        is_final(&failed) && is_final(&echoed)
    });

    let erased = trigger(&["test.external", "--file-id", HOSTILE]);
    act(&["cancel", &erased]);
    act(&["erase", &erased, "--by", REORDERED]);
    act(&["queues", "pause", "capped", "--reason", REORDERED]);
    let paused = trigger(&["test.capped", "--millis", "1"]);
    // One attempt of a tenant runs at a time.
    let admitted = trigger(&["test.in-turn", "--tenant", HOSTILE]);
    let blocked = trigger(&["test.in-turn", "--tenant", HOSTILE]);
    let create = ["schedules", "create", "planted", "test.echo", "@hourly"];
    act(&[&create[..], &["--payload", ECHO]].concat());
    act(&["schedules", "run", "planted"]);
    act(&["token", "create", "--role", "viewer", "--name", REORDERED]);
    act(&["cancel", "--where", OF_ITEM, "--yes"]);
    let typed =
        format!("USER='{HOSTILE}' jobs queues pause turns > /dev/null && jobs queues resume turns");
    let said = transcript::type_command(PROGRAM, dir, &typed);
    check_text(&said, "an operator with a hostile name");
    assert!(said.contains("turns  resumed"), "{said}");
    // Callers of the interface cannot write control characters here; other programs can.
    Database::open(&dir.join("jobs.db")).script(&format!(
        "UPDATE jobs_paused_queues SET reason = '{HOSTILE}';
         UPDATE jobs_tokens SET name = '{HOSTILE}';
         UPDATE jobs_executions SET erased_by = '{HOSTILE}' WHERE erased_at IS NOT NULL"
    ));

    let operations = show(dir, &["operations"]);
    let operation = operations["operations"][0]["id"].as_str();
    let operation = operation.expect("an operation").to_owned();
    vec![
        ("ADMITTED", admitted),
        ("BLOCKED", blocked),
        ("ECHOED", echoed),
        ("ERASED", erased),
        ("FAILED", failed),
        ("OPERATION", operation),
        ("PAUSED", paused),
    ]
}

/// The id that a word in capitals stands for.
fn planted<'a>(ids: &'a [(&str, String)], word: &'a str) -> &'a str {
    with_ids(&[word], ids)[0]
}

#[test]
fn stored_texts_are_escaped_in_every_output() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let ids = plant(dir);
    let [failed, echoed, admitted, blocked, erased, paused] = [
        "FAILED", "ECHOED", "ADMITTED", "BLOCKED", "ERASED", "PAUSED",
    ]
    .map(|word| planted(&ids, word));
    let settings = [("JOBS_LABELS", REORDERED), ("JOBS_LOG", "info")];
    let server = Server::start(PROGRAM, dir, &settings);
    wait_for("the holder of the permit", || {
        show(dir, &["execution", admitted])["status"] == "running"
    });

    // The texts are where the commands below show them.
    let shown = show(dir, &["execution", failed]);
    assert_eq!(shown["payload"]["text"], HOSTILE);
    assert_eq!(shown["error"]["message"], HOSTILE);
    assert_eq!(shown["attempts"][0]["outcome"], "panicked");
    for key in ["itemId", "correlationId", "createdBy"] {
        assert_eq!(shown[key], REORDERED, "{key}");
    }
    assert_eq!(show(dir, &["execution", echoed])["result"], HOSTILE);
    let logs = show(dir, &["logs", failed]);
    assert_eq!(logs["lines"][0]["message"], HOSTILE);
    for args in [
        &["audit", "--target", "turns"][..],
        &["execution", erased],
        &["explain", blocked],
        &["explain", paused],
        &["failures"],
        &["processes"],
        &["queues"],
        &["schedules", "show", "planted"],
        &["token", "list"],
        &["top", "--once"],
    ] {
        let document = show(dir, args);
        assert!(
            document.to_string().contains("forged"),
            "{args:?}: {document}"
        );
    }

    show_reads(&[], dir, &ids);
    show_acts(&[], dir);
    show_each(dir, EXECUTIONS);
    end_turns(dir, &ids);
    let (code, log) = server.terminate();
    let log = log.join("\n");
    check_text(&log, "the log of `run`");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("panicked at") && log.contains("forged"),
        "{log}"
    );
}

/// Ends the executions that would run until they are cancelled. The one that is blocked must not
/// start when the other one ends.
fn end_turns(dir: &Path, ids: &[(&str, String)]) {
    for word in ["BLOCKED", "ADMITTED"] {
        let ran = run(PROGRAM, dir, &["cancel", planted(ids, word)]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

#[test]
fn texts_of_files_and_copies_are_escaped() {
    let dir = tempfile::tempdir().expect("a directory");
    let ids = plant(dir.path());
    end_turns(dir.path(), &ids);
    create_hostile_files(dir.path());
    show_each(dir.path(), LOCAL);
}

/// Creates the tables of another queue with a hostile row, and a lock file with a hostile job.
fn create_hostile_files(dir: &Path) {
    let file = dir.join("apalis.db");
    std::fs::write(&file, "").expect("a file");
    let rows = include_str!("import/apalis_sqlite.sql");
    let statements = format!(
        "{rows}
         INSERT INTO Jobs (job, id, job_type, status)
         VALUES (CAST('{{}}' AS BLOB), '{HOSTILE}', '{HOSTILE}', 'Pending')"
    );
    Database::open(&file).script(&statements);

    let ran = run(PROGRAM, dir, &["check", "--update"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = dir.join("jobs.lock.json");
    let lock = std::fs::read_to_string(&file).expect("the lock file");
    let hostile = format!("{}:", json!(HOSTILE));
    let spoiled = lock.replacen("\"test.add\":", &hostile, 1);
    assert_ne!(spoiled, lock);
    std::fs::write(&file, spoiled).expect("written");
}

#[test]
fn texts_of_a_server_are_escaped_in_every_output() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let ids = plant(dir);
    let admin = ["token", "create", "--role", "admin", "--name", REORDERED];
    let token = run(PROGRAM, dir, &admin);
    assert_eq!(token.code, 0, "{token:?}");
    let settings = [("JOBS_LOG_FORMAT", "json"), ("JOBS_LOG", "info")];
    let server = Server::start_serving_only(PROGRAM, dir, &settings);
    let url = format!("http://{}", server.address);
    let flags = ["--server", &url, "--token", token.out.trim()];
    let elsewhere = tempfile::tempdir().expect("a directory");
    show_reads(&flags, elsewhere.path(), &ids);
    show_acts(&flags, elsewhere.path());
    let (code, log) = server.terminate();
    check_text(&log.join("\n"), "the log of `serve`");
    check_objects(log.iter().map(String::as_str), "`serve`");
    assert_eq!(code, Some(0), "{log:#?}");
}

#[test]
fn the_log_of_a_worker_is_escaped_as_json() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [
        ("JOBS_LABELS", REORDERED),
        ("JOBS_LOG", "debug"),
        ("JOBS_LOG_ATTEMPTS", "true"),
        ("JOBS_LOG_FORMAT", "json"),
    ];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    for job in ["test.echo", "test.hostile"] {
        let args = ["trigger", job, "--text", HOSTILE, "--wait"];
        show_stored(&[], dir.path(), &args);
    }
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log:#?}");
    check_text(&log.join("\n"), "the log of `run`");
    let lines = check_objects(log.iter().map(String::as_str), "`run`");
    // A parser reads the exact text: of the handler, and of the failed attempt.
    assert!(
        lines.iter().any(|line| line["message"] == HOSTILE),
        "{log:#?}"
    );
    let is_failure = |line: &&Value| line["fields"]["kind"] == "permanent";
    let failure = lines.iter().find(is_failure).expect("a failed execution");
    assert_eq!(failure["fields"]["error"], HOSTILE);
}

/// A new command fails this test until a list above has it. The manual has a page for each command.
#[test]
fn every_command_is_in_a_list_or_left_out_for_a_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let ran = run(PROGRAM, dir.path(), &["man", "pages"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let pages = std::fs::read_dir(dir.path().join("pages")).expect("the pages");
    let names = pages.filter_map(|page| {
        let name = page.ok()?.file_name().into_string().ok()?;
        // The first page is `worker.1`.
        let name = name.strip_prefix("worker-")?.strip_suffix(".1")?;
        Some(name.to_owned())
    });
    let commands: BTreeSet<String> = names.collect();
    assert!(commands.contains("queues-pause"), "{commands:?}");

    let called = [READS, ACTS, EXECUTIONS, LOCAL].concat();
    let mut listed: BTreeSet<String> = called
        .iter()
        .filter_map(|args| name_of(args, &commands))
        .collect();
    for (name, reason) in LEFT_OUT {
        let is_new = listed.insert(name.to_owned());
        assert!(is_new, "`{name}` is left out ({reason}), and is in a list");
        assert!(commands.contains(name), "there is no command `{name}`");
    }
    let missing: Vec<_> = commands.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "neither in a list nor left out: {missing:?}"
    );
}

/// The name of the page of a command: its first two words, or its first one.
fn name_of(args: &[&str], commands: &BTreeSet<String>) -> Option<String> {
    let mut names = [2_usize, 1].into_iter().filter_map(|count| {
        let words = args.get(..count)?;
        Some(words.join("-"))
    });
    names.find(|name| commands.contains(name))
}

#[test]
fn arguments_and_settings_are_escaped_in_messages() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = ["--json", "trigger", "test.echo", "--text", "x"];
    let id = id_of(&run(PROGRAM, dir.path(), &args), "executionId");
    for args in [
        &[HOSTILE][..],
        &["list", HOSTILE],
        &["show", HOSTILE],
        &["explain", HOSTILE],
        &["trigger", HOSTILE],
        &["trigger", "test.echo", HOSTILE],
        &["trigger", "test.echo", "--field", HOSTILE],
        &["trigger", "test.echo", "--payload", HOSTILE],
        &["trigger", "test.echo", "--text", "x", "--item", HOSTILE],
        &["executions", "--status", HOSTILE],
        &["executions", "--job", HOSTILE],
        &["queues", "pause", HOSTILE],
        &["queues", "pause", "default", "--reason", HOSTILE],
        &["config", "--bind", HOSTILE],
        &["config", "--database", HOSTILE],
        &["list", "--database", &format!("sqlite:{HOSTILE}/jobs.db")],
        &["doctor", "--database", &format!("sqlite:{HOSTILE}/jobs.db")],
        &["move", "--from", "sqlite:jobs.db", "--to", HOSTILE],
        &["work", "--until-idle", "--queues", HOSTILE],
        &["work", "--until-idle", "--label", HOSTILE],
        &["bench", HOSTILE],
        &["client", HOSTILE],
        &["logs", HOSTILE],
        &["failures", "--job", HOSTILE],
        &["audit", "--actor", HOSTILE],
        &["cancel", "--where", HOSTILE],
        &["edit", &id, "--payload", HOSTILE],
        &["erase", &id, "--by", HOSTILE],
        &["operations", "show", HOSTILE],
        &["limits", "reset", HOSTILE],
        &["schedules", "show", HOSTILE],
        &["schedules", "create", HOSTILE, "test.echo", "@hourly"],
        &["schedules", "create", "x", "test.echo", HOSTILE],
        &[
            "schedules",
            "create",
            "x",
            "test.echo",
            "@hourly",
            "--timezone",
            HOSTILE,
        ],
        &["token", "create", "--role", "viewer", "--name", HOSTILE],
        &["token", "revoke", HOSTILE],
        &["import", "apalis", "--from", HOSTILE],
        &["dead-letters", "list", "--broker", HOSTILE],
        &["archive", "grep", HOSTILE, "--archive", HOSTILE],
        &["list", "--server", HOSTILE],
        &["list", "--context", HOSTILE],
        // These write the file and the directory.
        &["check", "--update", "--lock", HOSTILE],
        &["man", &format!("{HOSTILE}.pages")],
    ] {
        show(dir.path(), args);
    }
    for (name, value) in [
        ("JOBS_BIND", HOSTILE),
        ("JOBS_DATABASE", HOSTILE),
        ("JOBS_QUEUES", HOSTILE),
        ("JOBS_LIMITS", HOSTILE),
        ("JOBS_LOG", HOSTILE),
        ("JOBS_LOG_FORMAT", HOSTILE),
        ("JOBS_LABELS", HOSTILE),
        ("JOBS_CONTEXT", HOSTILE),
        ("JOBS_TOKEN_FILE", HOSTILE),
    ] {
        let output = Command::new(PROGRAM)
            .arg("config")
            .env(name, value)
            .current_dir(dir.path())
            .output();
        let output = output.expect("the program starts");
        for stream in [output.stdout, output.stderr] {
            check_text(&String::from_utf8_lossy(&stream), name);
        }
    }
    std::fs::write(dir.path().join("jobs.toml"), format!("bind = '{HOSTILE}")).expect("written");
    check(&run(PROGRAM, dir.path(), &["config"]), "a broken jobs.toml");
}

/// What `work` prints on a terminal. `script` runs it on a pseudo-terminal.
fn on_a_terminal(dir: &Path, settings: &str) -> String {
    let typed = format!(
        "jobs trigger test.flaky --successful 2 > /dev/null; export PROGRAM {settings}; \
         script -qec '\"$PROGRAM\" work --until-idle' /dev/null"
    );
    transcript::type_command(PROGRAM, dir, &typed)
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let coloured = "\u{1b}[3";
    let shown = on_a_terminal(dir.path(), "TERM=xterm NO_COLOR=");
    assert!(shown.contains(coloured), "{shown:?}");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    let shown = on_a_terminal(dir.path(), "TERM=xterm NO_COLOR=1");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    assert!(!shown.contains(coloured), "{shown:?}");
    let shown = on_a_terminal(dir.path(), "TERM=dumb NO_COLOR=");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
