//! The typed clients that `client python` and `client typescript` print, checked by the type
//! checkers of their languages and used against a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::process::{Server, run as run_program};

use super::PROGRAM;
use super::package::{run, tool};

/// A use of the client in Python that its types allow.
const PYTHON: &str = r#"
import sys

from generated import Jobs, JobsError, TestShapesPayload

jobs = Jobs(sys.argv[1])
total: int = jobs.test_add({"a": 1, "b": 2}).result(timeout=60)
assert total + 1 == 4
payload: TestShapesPayload = {
    "figures": [{"kind": "circle", "radius": 1.5}, {"kind": "empty"}],
    "corner": [1.0, 2.0],
    "color": "dark-red",
    "sizes": {"a": 1},
    "tree": {"from": "root", "children": [{"from": "leaf"}]},
    "anything": None,
}
shapes = jobs.test_shapes(payload, {"priority": "high", "tags": ["typed"]}).result(timeout=60)
assert shapes["copies"] == 1
first = shapes.get("first")
assert first is not None and first["kind"] == "circle" and first["radius"] == 1.5
try:
    jobs.test_add({"a": 1, "b": 2}, {"priority": 1000})
except JobsError as error:
    assert error.status == 400, error
else:
    raise AssertionError("an invalid option was accepted")
"#;

/// Uses that the types reject, each on a line of its own.
const WRONG_PYTHON: &str = r#"
from generated import Jobs
jobs = Jobs()
jobs.test_add({"a": 1})
jobs.test_add({"a": 1, "b": "2"})
jobs.test_add({"a": 1, "b": 2, "c": 3})
"#;

/// The same in TypeScript.
const TYPESCRIPT: &str = r#"
import { Jobs, JobsError, TestShapesPayload } from "./generated.js";
declare const process: { argv: string[] };

const jobs = new Jobs(process.argv[2]);
const total: number = await (await jobs.testAdd({ a: 1, b: 2 })).result({ timeoutMs: 60_000 });
if (total !== 3) throw new Error(`the sum is ${total}`);
const payload: TestShapesPayload = {
  figures: [{ kind: "circle", radius: 1.5 }, { kind: "empty" }],
  corner: [1, 2],
  color: "dark-red",
  sizes: { a: 1 },
  tree: { from: "root", children: [{ from: "leaf" }] },
  anything: null,
};
const shapes = await (await jobs.testShapes(payload, { priority: "high" })).result();
if (shapes.first?.kind !== "circle" || shapes.first.radius !== 1.5) throw new Error("no circle");
try {
  await jobs.testAdd({ a: 1, b: 2 }, { priority: 1000 });
  throw new Error("an invalid option was accepted");
} catch (error) {
  if (!(error instanceof JobsError) || error.status !== 400) throw error;
}
"#;

const WRONG_TYPESCRIPT: &str = r#"
import { Jobs } from "./generated.js";
const jobs = new Jobs();
jobs.testAdd({ a: 1 });
jobs.testAdd({ a: 1, b: "2" });
jobs.testAdd({ a: 1, b: 2, c: 3 });
"#;

/// Writes a generated client into a folder.
fn generate(dir: &Path, language: &str, file: &str) {
    let printed = run_program(PROGRAM, dir, &["client", language]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    fs::write(dir.join(file), printed.out).unwrap();
}

#[test]
fn the_python_client_has_strict_types_and_works() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    generate(dir.path(), "python", "generated.py");
    fs::write(dir.path().join("use.py"), PYTHON).unwrap();
    fs::write(dir.path().join("wrong.py"), WRONG_PYTHON).unwrap();
    let mypy = |file: &str| {
        let mut command = Command::new(tool("mypy"));
        command.args(["--strict", file]).current_dir(dir.path());
        command
    };
    run(&mut mypy("use.py"));
    let wrong = mypy("wrong.py").output().unwrap();
    let wrong = String::from_utf8_lossy(&wrong.stdout).into_owned();
    for line in 4..=6 {
        assert!(
            wrong.contains(&format!("wrong.py:{line}: error")),
            "line {line}:\n{wrong}"
        );
    }
    let url = format!("http://{}", server.address);
    run(Command::new("python3")
        .args(["use.py", &url])
        .current_dir(dir.path()));
}

#[test]
fn the_typescript_client_has_strict_types_and_works() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    generate(dir.path(), "typescript", "generated.ts");
    fs::write(dir.path().join("use.ts"), TYPESCRIPT).unwrap();
    fs::write(dir.path().join("wrong.ts"), WRONG_TYPESCRIPT).unwrap();
    fs::write(dir.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let tsc = |file: &str| {
        let mut command = Command::new(compiler());
        command.args(["--strict", "--target", "es2022", "--lib", "es2022,dom"]);
        command.args(["--module", "nodenext", file]);
        command.current_dir(dir.path());
        command
    };
    run(&mut tsc("use.ts"));
    let wrong = tsc("wrong.ts").output().unwrap();
    let wrong = String::from_utf8_lossy(&wrong.stdout).into_owned();
    for line in 4..=6 {
        assert!(
            wrong.contains(&format!("wrong.ts({line},")),
            "line {line}:\n{wrong}"
        );
    }
    let url = format!("http://{}", server.address);
    run(Command::new("node")
        .args(["use.js", &url])
        .current_dir(dir.path()));
}

/// The TypeScript compiler, which `./test` installs.
fn compiler() -> PathBuf {
    let bin = tool("mypy");
    let tools = bin.ancestors().nth(2).unwrap();
    let compiler = tools.join("node/node_modules/.bin/tsc");
    assert!(
        compiler.exists(),
        "{} is missing: run ./test",
        compiler.display()
    );
    compiler
}
