//! Commands with `--server`: the same output as on the store, and what they say when they cannot.

mod acts;
mod connections;
mod reads;

use serde_json::Value;
use tests::process::{Ran, Server, run};

use super::PROGRAM;

/// The forms of the output. Options stand before the command, because those of `trigger` depend on
/// the job.
const FORMS: [&[&str]; 2] = [&[], &["--json"]];

/// A store with executions, a server of it that executes nothing, and an empty directory in which
/// only the server is known.
struct Both {
    store: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
    server: Server,
    token: String,
}

impl Both {
    fn start() -> Self {
        let store = tempfile::tempdir().expect("a directory");
        let dir = store.path();
        let token = run(
            PROGRAM,
            dir,
            &["token", "create", "--role", "admin", "--name", "boss"],
        );
        assert_eq!(token.code, 0, "{token:?}");
        let quiet = [("JOBS_LOG", "error")];
        let server = Server::start_serving_only(PROGRAM, dir, &quiet);
        Self {
            token: token.out.trim().to_owned(),
            elsewhere: tempfile::tempdir().expect("a directory"),
            server,
            store,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn local(&self, args: &[&str]) -> Ran {
        run(PROGRAM, self.store.path(), args)
    }

    fn remote_as(&self, token: &str, args: &[&str]) -> Ran {
        let url = self.url();
        let args = [&["--server", &url, "--token", token], args].concat();
        run(PROGRAM, self.elsewhere.path(), &args)
    }

    fn remote(&self, args: &[&str]) -> Ran {
        self.remote_as(&self.token, args)
    }

    /// Runs a command that changes nothing both ways, as text and as JSON.
    fn reads(&self, args: &[&str]) {
        for form in FORMS {
            let args = [form, args].concat();
            let (local, remote) = (self.local(&args), self.remote(&args));
            assert_same(&args, &local, &remote);
        }
    }

    /// Runs a command both ways, as text and as JSON; `{}` is another execution each time.
    fn acts(&self, args: &[&str]) {
        for form in FORMS {
            let with_id = |id: &str| -> Vec<String> {
                let args = form.iter().chain(args);
                args.map(|arg| arg.replace("{}", id)).collect()
            };
            let (here, there) = (with_id(&self.enqueued()), with_id(&self.enqueued()));
            let local = self.local(&here.iter().map(String::as_str).collect::<Vec<_>>());
            let remote = self.remote(&there.iter().map(String::as_str).collect::<Vec<_>>());
            assert_same(args, &local, &remote);
        }
    }

    /// The id of a new execution that waits.
    fn enqueued(&self) -> String {
        let args = ["--json", "trigger", "test.add", "--a", "1", "--b", "2"];
        let triggered = self.local(&args);
        let document: Value = serde_json::from_str(&triggered.out).expect("JSON");
        document["executionId"].as_str().expect("an id").to_owned()
    }
}

/// Compares two runs, without the ids, times, durations and tokens in their output.
fn assert_same(args: &[&str], local: &Ran, remote: &Ran) {
    let text = |text: &str| without_durations(&masked(text));
    let of = |ran: &Ran| (ran.code, text(&ran.out), text(&ran.err));
    assert_eq!(of(local), of(remote), "{args:?}\n{local:?}\n{remote:?}");
}

/// Masks what differs between two executions of one command.
fn masked(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || ":.-_".contains(c);
    let mut shown = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        let hyphens = word.bytes().filter(|byte| *byte == b'-').count();
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        shown.push_str(match word.len() {
            36 if hyphens == 4 => "ID",
            24 if word.ends_with('Z') && word.contains('T') => "TIME",
            12 if is_hex => "HEX",
            _ if word.starts_with("jobs_") && word.contains('.') => "TOKEN",
            _ => &word,
        });
        word.clear();
        shown.push(c);
    }
    shown
}

/// Masks durations such as `37.2 s`, and the widths of columns, which depend on them.
fn without_durations(text: &str) -> String {
    let is_unit = |word: Option<&&str>| word.is_some_and(|it| ["ms", "s", "min"].contains(it));
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().peekable();
        let mut shown = Vec::new();
        while let Some(word) = words.next() {
            if word.parse::<f64>().is_err() || !is_unit(words.peek()) {
                shown.push(word);
                continue;
            }
            words.next();
            // `4 min 10 s` is one duration.
            if shown.last() != Some(&"DURATION") {
                shown.push("DURATION");
            }
        }
        lines.push(shown.join(" "));
    }
    lines.join("\n")
}
