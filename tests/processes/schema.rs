//! Reproducible schemas: the same source prints the same bytes in another directory, and beside
//! crates that enable further features.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Jobs whose schemas have names, docs, defaults, formats, maps and definitions.
const SOURCE: &str = r#"
use std::collections::{BTreeMap, HashMap};

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Where the house stands.
    street: String,
    number: Option<u16>,
    areas: BTreeMap<String, Vec<Area>>,
}

/// An area.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind")]
pub enum Area {
    Zone { zip: u32, author: String },
    Circle { radius: f64, at: (f64, f64) },
}

/// Sends a letter.
///
/// By mail.
#[job(id = "mail.send", rename_all = "camelCase", deny_unknown)]
pub async fn send_mail(
    /// To whom.
    zebra: Address,
    #[schemars(email)] apple: String,
    #[default(HashMap::from([("b".to_owned(), 1), ("a".to_owned(), 2)]))]
    middle: HashMap<String, u8>,
) -> Result<BTreeMap<u8, Address>, JobError> {
    let _ = (zebra, apple, middle);
    Ok(BTreeMap::new())
}

#[job(id = "mail.external")]
pub async fn external(addresses: Vec<Address>) -> Result<Area, JobError>;

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
"#;

/// Builds the source in a directory and returns the output of `schema --json`.
fn schemas(dir: &Path, target: &Path, more_dependencies: &str) -> Vec<u8> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let ours = |name: &str| workspace.join(name).canonicalize().unwrap();
    fs::create_dir_all(dir.join("src")).unwrap();
    let (jobs, runtime) = (ours("jobs"), ours("jobs-runtime"));
    let manifest = format!(
        "[package]\nname = \"schemas\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\njobs = {{ path = {jobs:?} }}\n\
         jobs-runtime = {{ path = {runtime:?}, default-features = false, features = [\"cli\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         schemars = {{ version = \"1\", default-features = false, features = [\"derive\", \"std\"] }}\n\
         {more_dependencies}\n\n\
         [profile.dev]\ndebug = false\nincremental = false\n\n[workspace]\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.join("src/main.rs"), SOURCE).unwrap();
    // The locked versions of this workspace.
    fs::copy(workspace.join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let program: PathBuf = target.join("debug/schemas");
    let printed = Command::new(program)
        .args(["schema", "--json"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    printed.stdout
}

#[test]
fn two_builds_in_different_places_print_the_same_bytes() {
    if std::env::var("JOBS_TEST_TIER").as_deref() != Ok("full") {
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = schemas(here.path(), &target, "");
    let there = there.path().join("some where/else");
    let features = "serde_json = { version = \"1\", \
                    features = [\"preserve_order\", \"arbitrary_precision\"] }";
    let among_others = schemas(&there, &target, features);

    let text = String::from_utf8(plain.clone()).unwrap();
    for word in [
        "mail.send",
        "mail.external",
        "Where the house stands.",
        "email",
        "\"default\"",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(!text.contains(&*here.path().to_string_lossy()), "{text}");
    assert_eq!(text, String::from_utf8(among_others).unwrap());
    assert_eq!(plain.last(), Some(&b'\n'));
}
