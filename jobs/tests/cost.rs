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

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

const JOBS: usize = 500;
const ROUNDS: usize = 4;

/// The bound on the ratio of the two times.
const RATIO: f64 = 1.15;

/// The bound if every job has a field with a type of the application's own, which needs bounds in
/// the expansion (docs/decisions/0007-cost-of-the-attribute.md).
const RATIO_OF_OWN_TYPES: f64 = 1.35;

/// In the mixed crate, one job in `MIX` has such a field.
const MIX: usize = 4;

const PRELUDE: &str = r#"
use jobs::{JobContext, JobError};

pub struct WorkspaceDb;

impl WorkspaceDb {
    pub async fn insert(&self, _: &str, _: &str, _: &str) -> Result<u64, JobError> {
        Ok(1)
    }
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Member {
    pub id: u64,
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Seats(u8);

impl From<Seats> for u8 {
    fn from(seats: Seats) -> Self {
        seats.0
    }
}
"#;

/// Job number `N` with the attribute.
const ATTRIBUTE: &str = r#"
/// Creates a member of workspace N.
#[jobs::job(id = "member.create-N", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
pub async fn create_member_N(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    seats: u8,
    #[default("member")] role: String,
) -> Result<Member, JobError> {
    ctx.progress(seats, "inserting");
    Ok(Member { id: db.insert(&workspace_id, &subject, &role).await? })
}
"#;

/// The same job without the attribute: all code that the expansion generates, written by hand.
const BY_HAND: &str = r#"
/// Creates a member of workspace N.
pub async fn create_member_N(
    ctx: &JobContext,
    db: &WorkspaceDb,
    workspace_id: String,
    subject: String,
    seats: u8,
    role: String,
) -> Result<Member, JobError> {
    ctx.progress(seats, "inserting");
    Ok(Member { id: db.insert(&workspace_id, &subject, &role).await? })
}

/// Creates a member of workspace N.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMemberN {
    pub workspace_id: String,
    pub subject: String,
    pub seats: u8,
    #[serde(default = "CreateMemberN::default_role")]
    pub role: String,
}

impl CreateMemberN {
    /// A payload of the required fields.
    #[must_use]
    pub fn new(workspace_id: impl Into<String>, subject: impl Into<String>, seats: u8) -> Self {
        Self {
            workspace_id: workspace_id.into(),
            subject: subject.into(),
            seats,
            role: Self::default_role(),
        }
    }

    /// Sets the role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    fn default_role() -> String {
        "member".to_owned()
    }
}

impl jobs::Job for CreateMemberN {
    const ID: &'static str = "member.create-N";
    type Output = Member;
    const DEFINITION: &'static jobs::JobDefinition = &jobs::JobDefinition::new::<Self>(
        jobs::Source { module: module_path!(), line: line!() },
        jobs::runtime::Handler::Async(|call| {
            Box::pin(async move {
                let payload: Self =
                    serde_json::from_str(&call.payload).map_err(JobError::permanent)?;
                let db = call
                    .context
                    .resource::<WorkspaceDb>()
                    .ok_or_else(|| JobError::permanent("no WorkspaceDb"))?;
                let member = create_member_N(
                    &call.context,
                    &db,
                    payload.workspace_id,
                    payload.subject,
                    payload.seats,
                    payload.role,
                )
                .await?;
                serde_json::to_string(&member).map_err(JobError::permanent)
            })
        }),
    )
    .docs("Creates a member of workspace N.")
    .resources(&[
        jobs::runtime::ResourceRequest::of::<JobContext>(),
        jobs::runtime::ResourceRequest::of::<WorkspaceDb>(),
    ])
    .timeout(Some(std::time::Duration::from_secs(300)))
    .retries(jobs::RetryPolicy::new(
        4,
        &[
            std::time::Duration::from_secs(30),
            std::time::Duration::from_secs(60),
            std::time::Duration::from_secs(120),
        ],
    ));
}

inventory::submit! { <CreateMemberN as jobs::Job>::DEFINITION }
"#;

const MAIN: &str = r#"
fn main() {
    println!("{}", jobs::Catalogue::linked().expect("unique ids").len());
}
"#;

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
    fn new(name: &str, job: impl Fn(usize) -> String) -> Self {
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
             [profile.dev]\nincremental = false\n\n[workspace]\n"
        );
        let mut source = PRELUDE.to_owned();
        for n in 0..JOBS {
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
            JOBS.to_string()
        );
        it
    }

    /// Compiles the crate without its dependencies, which the first build has compiled.
    fn build(&mut self) {
        let main = self.dir.join("src/main.rs");
        let source = fs::read(&main).expect("read");
        fs::write(&main, source).expect("touched");
        let before = spent();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--target-dir"])
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

/// Replaces every `N` that ends a word by `n`.
fn numbered(template: &str, n: usize) -> String {
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let ends = !chars.peek().is_some_and(|next| next.is_alphanumeric());
        // The `N` of `DEFINITION` follows a capital and stays.
        if c == 'N' && ends && !before.is_ascii_uppercase() {
            text.push_str(&n.to_string());
        } else {
            text.push(c);
        }
        before = c;
    }
    text
}

/// The same job with a field of the application's own type.
fn with_own_type(template: &str) -> String {
    template
        .replace("seats: u8", "seats: Seats")
        .replace("ctx.progress(seats,", "ctx.progress(u8::from(seats),")
}

/// Builds both crates in turns and compares them. `is_own` selects jobs with a field of own type.
///
/// Comparisons run one at a time, because they share the clock of the process's children.
fn compare(fields: &str, is_own: fn(usize) -> bool, at_most: f64) {
    static ALONE: Mutex<()> = Mutex::new(());
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
    let mut attribute = Crate::new(&format!("attribute-{fields}"), of(ATTRIBUTE));
    let mut by_hand = Crate::new(&format!("by-hand-{fields}"), of(BY_HAND));
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
