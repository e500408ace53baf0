//! What the attribute costs to compile: 500 jobs under `#[job]` against the same 500 by hand.
//!
//! ```text
//! JOBS_TEST_TIER=full cargo test -p jobs --test cost -- --nocapture
//! ```
//!
//! Compares the least of several interleaved builds, because whatever else a machine does only adds, and
//! prints the sizes of the two programs. What is compared is the time of the processors where Linux tells it, and that
//! of the clock elsewhere. In the long tier only: it takes
//! minutes.

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

/// The ratio that is aimed at.
const RATIO: f64 = 1.15;

/// What it may be where all jobs have a field whose type only the compiler can judge: that such a
/// type is reported once has its price (docs/decisions/0007-cost-of-the-attribute.md).
const RATIO_OF_OWN_TYPES: f64 = 1.35;

/// In a crate of jobs of both kinds, one in so many has such a field.
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

/// The same as a patient author would write it: nothing hidden, nothing left out.
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

/// What the finished children of this process have spent of the processors' time, in hundredths of
/// a second; elsewhere than on Linux, what the clock says.
fn spent() -> Duration {
    let by_processors = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name, which may contain anything, `cutime` and `cstime` stand 14th and 15th.
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

/// A crate of jobs, built by itself.
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
        // The versions that this workspace is locked to.
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

    /// Compiles the crate itself; what it depends on is compiled already.
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

/// The template for job `n`: every `N` that ends a word.
fn numbered(template: &str, n: usize) -> String {
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let ends = !chars.peek().is_some_and(|next| next.is_alphanumeric());
        // `ID` and `DEFINITION` are no templates: their letters follow capitals.
        match c == 'N' && ends && !before.is_ascii_uppercase() {
            true => text.push_str(&n.to_string()),
            false => text.push(c),
        }
        before = c;
    }
    text
}

/// The same job with a field of the application's own type, which the attribute cannot judge.
fn of_own_type(template: &str) -> String {
    template
        .replace("seats: u8", "seats: Seats")
        .replace("ctx.progress(seats,", "ctx.progress(u8::from(seats),")
}

/// Builds both in turns, with a field of an own type in the jobs that `is_own` names. One comparison at
/// a time: the children of this process share one clock.
fn compare(fields: &str, is_own: fn(usize) -> bool, at_most: f64) {
    static ALONE: Mutex<()> = Mutex::new(());
    if std::env::var("JOBS_TEST_TIER").as_deref() != Ok("full") {
        println!("in the long tier only: ./test --full");
        return;
    }
    let _alone = ALONE.lock();
    let of = |template: &'static str| {
        move |n| match is_own(n) {
            true => of_own_type(template),
            false => template.to_owned(),
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
fn the_attribute_costs_little_more_than_what_it_writes() {
    compare("plain", |_| false, RATIO);
}

#[test]
fn a_crate_of_both_kinds_costs_little_more() {
    compare("mixed", |n| n % MIX == 0, RATIO);
}

#[test]
fn types_that_may_not_fit_cost_little_more() {
    compare("own", |_| true, RATIO_OF_OWN_TYPES);
}
