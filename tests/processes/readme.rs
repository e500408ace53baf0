//! The README, typed by a reader: the commands of its `console` blocks with what they print, and
//! the two crates of its part about adoption.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tests::process::{Server, is_full_tier, wait_for};
use tests::{http, transcript};

use super::PROGRAM;

const PAGE: &str = include_str!("../../README.md");

/// The address of the page.
const ADDRESS: &str = "http://localhost:8091";

/// The parts that the first code block of the page leaves out.
const REST_OF_THE_LIBRARY: &str = r#"
#[derive(Debug)]
pub struct WorkspaceDb;

pub struct Member {
    id: String,
    role: String,
}

impl WorkspaceDb {
    async fn add_member(
        &self,
        id: &str,
        _workspace_id: &str,
        _subject: &str,
        role: &str,
    ) -> Result<Member, std::io::Error> {
        Ok(Member { id: id.to_owned(), role: role.to_owned() })
    }
}

/// The result.
#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedMember {
    pub member_id: String,
    pub workspace_id: String,
    pub subject: String,
    pub role: String,
}
"#;

/// The code blocks of the page in this language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = PAGE.split(&*fence).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

/// A command of the page, and the lines that the page shows below it.
struct Step {
    typed: String,
    shown: Vec<&'static str>,
}

/// The commands of the `console` blocks.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = blocks("console").into_iter().flat_map(str::lines);
    while let Some(line) = lines.next() {
        if let Some(typed) = line.strip_prefix("$ ") {
            let mut typed = typed.to_owned();
            while typed.ends_with('\\') {
                typed.push('\n');
                typed.push_str(lines.next().expect("a command has an end"));
            }
            steps.push(Step {
                typed,
                shown: Vec::new(),
            });
        } else if !line.is_empty() {
            let step = steps.last_mut().expect("a command stands above its output");
            step.shown.push(line);
        }
    }
    steps
}

/// The program with the jobs of the examples, which the page calls by `cargo run`.
fn examples() -> String {
    let program = Path::new(PROGRAM).with_file_name("jobs-examples");
    assert!(
        program.exists(),
        "`cargo test --workspace --no-run` builds {}",
        program.display()
    );
    program.to_str().expect("a path").to_owned()
}

/// Types `cargo run -- COMMAND` for this program. Returns what comes on standard output: the page
/// shows neither the progress nor the log.
fn cargo_run(program: &str, dir: &Path, typed: &str) -> String {
    let cargo = r#"cargo() { shift 2; "$PROGRAM" "$@" 2> /dev/null; }"#;
    transcript::type_command(program, dir, &format!("{cargo}; {typed}"))
}

/// Sends the request of a `curl` command to this address.
fn curl(dir: &Path, typed: &str, address: SocketAddr) -> http::Answer {
    // The shell finds the words of the command.
    let curl = r#"curl() { printf '%s\n' "$@"; }"#;
    let words = transcript::type_command(PROGRAM, dir, &format!("{curl}; {typed}"));
    let mut words = words.lines();
    let (mut method, mut url, mut body) = ("GET", "", "");
    while let Some(word) = words.next() {
        match word {
            "-X" => method = words.next().expect("a method"),
            "-d" => body = words.next().expect("a body"),
            // The client of the tests sends this one with every request.
            "-H" => assert_eq!(words.next(), Some("content-type: application/json")),
            _ => url = word,
        }
    }
    let path = url.strip_prefix(ADDRESS).expect("the address of the page");
    http::send(address, method, path, &[], body)
}

/// Numbers ids by their first appearance, because two sessions have other ids.
#[derive(Default)]
struct Ids(Vec<String>);

impl Ids {
    fn number(&mut self, text: &str) -> String {
        let mut parts = Vec::new();
        for part in text.split('"') {
            if part.len() != 36 || part.matches('-').count() != 4 {
                parts.push(part.to_owned());
                continue;
            }
            if !self.0.iter().any(|id| id == part) {
                self.0.push(part.to_owned());
            }
            let number = self.0.iter().position(|id| id == part);
            parts.push(format!("id {}", number.unwrap_or_default()));
        }
        parts.join("\"")
    }
}

/// Compares an output with what the page shows, where a `…` stands for any text.
fn compare(shown: &str, output: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("output"), output).expect("written");
    transcript::check(PROGRAM, dir.path(), &format!("$ cat output\n{shown}"));
}

/// Replaces the words of a line that are numbers or versions: they depend on the machine and on the
/// release.
fn without_numbers(line: &str) -> String {
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let words = line.split_whitespace();
    let words = words.map(|word| if is_number(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Compares the start of the program with the page.
fn compare_start(shown: &[&str], server: &Server) {
    let [version, jobs, slots, serving] = shown else {
        panic!("the start has four lines: {shown:?}");
    };
    let [version, slots] = [version, slots].map(|line| without_numbers(line));
    let log = server.logged(&[]).join("\n");
    compare(&format!("…\n{version}\n{jobs}\n{slots}\n…"), &log);
    let path = serving.split_once(":8091").expect("the default port").1;
    assert_eq!(http::get(server.address, path).status, 200, "{serving}");
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let program = examples();
    let (mut ids_of_the_page, mut ids) = (Ids::default(), Ids::default());
    let mut server: Option<Server> = None;
    for Step { typed, shown } in steps() {
        if typed.starts_with("cargo run -- ") {
            let output = cargo_run(&program, dir, &typed);
            let shown = ids_of_the_page.number(&shown.join("\n"));
            compare(&shown, &ids.number(&output));
        } else if typed == "cargo run" {
            let started = Server::start(&program, dir, &[]);
            compare_start(&shown, &started);
            server = Some(started);
        } else if typed.starts_with("curl ") {
            let address = server.as_ref().expect("the program runs").address;
            let answer = curl(dir, &typed, address);
            assert!((200..300).contains(&answer.status), "{typed}: {answer:?}");
            // The page breaks a long line. The schedule of `health-check` may have added an
            // execution, which comes first.
            let shown: String = shown.iter().map(|line| line.trim_start()).collect();
            let shown = shown.replace(r#"{"executions":["#, r#"{"executions":[…"#);
            let shown = ids_of_the_page.number(&shown);
            let output = ids.number(&answer.text);
            if !shown.is_empty() {
                compare(&shown, &output);
            }
            // The next command shows the end of the execution.
            if let Some(id) = answer.body["executionId"].as_str() {
                wait_for("the end of the execution", || {
                    !http::execution(address, id)["finishedAt"].is_null()
                });
            }
        } else {
            // The tests of this repository, one of which runs now.
            assert_eq!(typed, "./test");
        }
    }
    assert!(server.is_some(), "the page starts the program");
    let ids = ids_of_the_page.0;
    assert_eq!(ids.len(), 2, "a member and an execution: {ids:?}");
}

/// Writes a crate with these dependencies.
fn write_crate(dir: &Path, dependencies: &str, file: &str, source: &str) {
    let name = dir.file_name().expect("a name").to_string_lossy();
    let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"");
    std::fs::create_dir_all(dir.join("src")).expect("created");
    std::fs::write(
        dir.join("Cargo.toml"),
        format!("{package}\n\n{dependencies}\n"),
    )
    .expect("written");
    std::fs::write(dir.join("src").join(file), source).expect("written");
}

#[test]
fn the_crates_of_the_readme_work() {
    if !is_full_tier() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let clone = clone.canonicalize().expect("the repository");
    symlink(&clone, place.path().join("jobs")).expect("a link to the clone");

    let (manifests, sources) = (blocks("toml"), blocks("rust"));
    let [of_the_library, of_the_program] = manifests[..] else {
        panic!("the page has two manifests: {manifests:?}");
    };
    let [job, resource, main, enqueue, _transaction] = sources[..] else {
        panic!("the page has five sources: {sources:?}");
    };
    // The example of the page has a database of its own.
    let resource = resource.replace("{ … }", "{ Ok(WorkspaceDb) }");
    let resource = resource.replace("sqlx::Error", "std::io::Error");
    let library = format!("{job}\n{resource}\n{REST_OF_THE_LIBRARY}");
    let program = format!(
        "{main}\n#[allow(dead_code)]\n\
         async fn enqueue() -> Result<(), Box<dyn std::error::Error>> {{\n\
         use my_jobs::{{ProvisionMember, ProvisionedMember}};\n\
         {enqueue}\ndrop(member);\nOk(())\n}}\n"
    );
    write_crate(
        &place.path().join("my-jobs"),
        of_the_library,
        "lib.rs",
        &library,
    );
    let dir = place.path().join("my-program");
    write_crate(&dir, of_the_program, "main.rs", &program);
    // The versions that the tests of the workspace ran with.
    std::fs::copy(clone.join("Cargo.lock"), dir.join("Cargo.lock")).expect("copied");

    // The page of the first job needs the same crates of the registry.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-job");
    let build = format!(
        "export CARGO_TARGET_DIR={} CARGO_PROFILE_DEV_DEBUG=0; cargo build",
        target.display()
    );
    let built = transcript::type_command(PROGRAM, &dir, &build);
    assert!(!built.contains("[exit "), "{built}");

    let program = target.join("debug/my-program");
    let program = program.to_str().expect("a path");
    let exec = steps().swap_remove(0);
    let output = cargo_run(program, &dir, &exec.typed);
    let shown = Ids::default().number(&exec.shown.join("\n"));
    compare(&shown, &Ids::default().number(&output));

    assert!(PAGE.contains("`cargo run -- run --bind 127.0.0.1:9000`"));
    let server = Server::start(program, &dir, &[]);
    let payload = json!({"workspaceId": "ws-1", "subject": "user:bob", "role": "admin"});
    let id = http::trigger(server.address, "provision-member", &payload);
    let mut result = json!(null);
    wait_for("the member", || {
        result = http::execution(server.address, &id)["result"].clone();
        !result.is_null()
    });
    let mut expected = payload;
    expected["memberId"] = json!(id);
    assert_eq!(result, expected);
}
