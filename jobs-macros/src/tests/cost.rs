//! The cost of an expansion: the test prints its time and bounds its number of tokens.
//!
//! ```text
//! cargo test -p jobs-macros an_expansion -- --nocapture
//! ```

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement takes the time and prints it"
)]

use std::time::Instant;

use proc_macro2::{TokenStream, TokenTree};

const JOBS: u32 = 500;

/// The job that `jobs/tests/cost.rs` compiles 500 times.
const JOB: &str = r#"
    /// Creates a member of a workspace.
    #[job(id = "member.create", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
    pub async fn create_member(
        ctx: &JobContext,
        db: &WorkspaceDb,
        workspace_id: String,
        subject: String,
        seats: SEATS,
        #[default("member")] role: String,
    ) -> Result<Member, JobError> {
        ctx.progress(seats, "inserting");
        Ok(Member { id: db.insert(&workspace_id, &subject, &role).await? })
    }
"#;

fn tokens(stream: TokenStream) -> usize {
    let count = |tree| match tree {
        TokenTree::Group(group) => 2 + tokens(group.stream()),
        _ => 1,
    };
    stream.into_iter().map(count).sum()
}

#[test]
fn an_expansion_stays_small() {
    // A field of the application's own type needs bounds.
    for (seats, at_most) in [("u8", 800), ("Seats", 1000)] {
        let input: TokenStream = JOB.replace("SEATS", seats).parse().expect("tokens");
        let start = Instant::now();
        for _ in 0..JOBS {
            let expanded = super::expand(input.clone());
            assert!(!expanded.is_empty());
        }
        let each = start.elapsed() / JOBS;
        let count = tokens(super::expand(input));
        println!("seats: {seats}: {each:?} and {count} tokens per job");
        assert!(count <= at_most, "{count} tokens are more than {at_most}");
    }
}
