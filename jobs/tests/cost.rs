//! The compile time of the attribute: 500 jobs with `#[job]` against the same 500 by hand.
//!
//! ```text
//! JOBS_TEST_TIER=full cargo test -p jobs --test cost -- --nocapture
//! ```
//!
//! The test compares the least times of several interleaved builds, because other load on the
//! machine only adds time. On Linux it compares processor time, elsewhere wall-clock time. It also
//! prints the sizes of the two programs. It runs in the long tier only, because it takes minutes.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement takes the time and prints it"
)]

#[path = "cost/edits.rs"]
mod edits;
#[path = "cost/templates.rs"]
mod templates;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use templates::{ATTRIBUTE, BY_HAND, MAIN, PRELUDE, numbered, with_own_type};

const JOBS: usize = 500;
const ROUNDS: usize = 4;

/// Held during a comparison.
static ALONE: Mutex<()> = Mutex::new(());

/// The bound on the ratio of the two times.
const RATIO: f64 = 1.15;

/// The bound if every job has a field with a type of the application's own, which needs bounds in
/// the expansion (docs/decisions/0007-cost-of-the-attribute.md).
const RATIO_OF_OWN_TYPES: f64 = 1.35;

/// In the mixed crate, one job in `MIX` has such a field.
const MIX: usize = 4;

/// Returns the processor time of the finished children of this process, at a resolution of 10 ms.
/// Other systems than Linux return wall-clock time.
fn spent() -> Duration {
    let by_processors = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // After the name, which may contain `)`, `cutime` and `cstime` are the fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(13).take(2);
        let ticks = ticks.map(|ticks| ticks.parse::<u64>().ok());
        ticks.sum::<Option<u64>>()
    };
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    match by_processors() {
        Some(ticks) => Duration::from_millis(ticks * 10),
        None => START.elapsed(),
    }
}

/// A generated crate of jobs, and the times of its builds.
struct Crate {
    dir: PathBuf,
    times: Vec<Duration>,
}

impl Crate {
    fn new(name: &str, jobs: usize, incremental: bool, job: impl Fn(usize) -> String) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cost");
        let dir = root.join(name);
        fs::create_dir_all(dir.join("src")).expect("a directory");
        let ours = env!("CARGO_MANIFEST_DIR");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\njobs = {{ path = {ours:?} }}\ninventory = \"0.3\"\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\
             schemars = {{ version = \"1\", default-features = false, features = [\"derive\", \"std\"] }}\n\
             tracing = {{ version = \"0.1\", default-features = false }}\n\n\
             [profile.dev]\nincremental = {incremental}\n\n[workspace]\n"
        );
        let mut source = PRELUDE.to_owned();
        for n in 0..jobs {
            // Writing to a string cannot fail.
            let _ = write!(source, "{}", numbered(&job(n), n));
        }
        source.push_str(MAIN);
        fs::write(dir.join("Cargo.toml"), manifest).expect("written");
        fs::write(dir.join("src/main.rs"), source).expect("written");
        // The versions in this workspace's lock file.
        let lock = Path::new(ours).join("../Cargo.lock");
        fs::copy(lock, dir.join("Cargo.lock")).expect("copied");
        let mut it = Self {
            dir,
            times: Vec::new(),
        };
        it.build();
        it.times.clear();
        let ran = Command::new(it.program())
            .output()
            .expect("the program starts");
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout).trim(),
            jobs.to_string()
        );
        it
    }

    /// Compiles the crate without its dependencies, which the first build has compiled.
    fn build(&mut self) {
        self.edit(|source| source);
        self.measure("build");
    }

    /// Writes the source again, also if the edit leaves it as it is.
    fn edit(&self, edit: impl FnOnce(String) -> String) {
        let main = self.dir.join("src/main.rs");
        let source = fs::read_to_string(&main).expect("read");
        fs::write(&main, edit(source)).expect("touched");
    }

    /// Runs a command of Cargo, and adds its time.
    fn measure(&mut self, command: &str) {
        let before = spent();
        let built = Command::new(env!("CARGO"))
            .args([command, "--quiet", "--target-dir"])
            .arg(self.target())
            .current_dir(&self.dir)
            .status()
            .expect("cargo starts");
        assert!(built.success());
        self.times.push(spent().saturating_sub(before));
    }

    fn target(&self) -> PathBuf {
        self.dir.with_file_name("target")
    }

    fn program(&self) -> PathBuf {
        let name = self.dir.file_name().expect("a name");
        self.target().join("debug").join(name)
    }

    fn bytes(&self) -> u64 {
        self.program().metadata().expect("built").len()
    }

    fn least(&self) -> Duration {
        self.times.iter().copied().min().unwrap_or_default()
    }
}

/// Builds both crates in turns and compares them. `is_own` selects jobs with a field of own type.
///
/// Comparisons run one at a time, because they share the clock of the process's children.
fn compare(fields: &str, is_own: fn(usize) -> bool, at_most: f64) {
    if std::env::var("JOBS_TEST_TIER").as_deref() != Ok("full") {
        println!("in the long tier only: ./test --full");
        return;
    }
    let _alone = ALONE.lock();
    let of = |template: &'static str| {
        move |n| {
            if is_own(n) {
                with_own_type(template)
            } else {
                template.to_owned()
            }
        }
    };
    let mut attribute = Crate::new(&format!("attribute-{fields}"), JOBS, false, of(ATTRIBUTE));
    let mut by_hand = Crate::new(&format!("by-hand-{fields}"), JOBS, false, of(BY_HAND));
    for _ in 0..ROUNDS {
        attribute.build();
        by_hand.build();
    }
    let (with, without) = (attribute.least(), by_hand.least());
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("{JOBS} jobs with {fields} fields, the least of {ROUNDS} interleaved builds");
    println!("attribute {with:.2?}  by hand {without:.2?}  ratio {ratio:.3}");
    let per_job = |it: &Crate| it.bytes() / JOBS as u64;
    println!(
        "bytes of program per job: attribute {}  by hand {}",
        per_job(&attribute),
        per_job(&by_hand)
    );
    assert!(ratio <= at_most, "{ratio:.3} is more than {at_most}");
}

#[test]
fn plain_fields_stay_within_the_ratio() {
    compare("plain", |_| false, RATIO);
}

#[test]
fn mixed_fields_stay_within_the_ratio() {
    compare("mixed", |n| n % MIX == 0, RATIO);
}

#[test]
fn fields_of_own_types_stay_within_their_ratio() {
    compare("own", |_| true, RATIO_OF_OWN_TYPES);
}
