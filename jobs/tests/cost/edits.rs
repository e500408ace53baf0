//! The compile time where people feel it: 200 jobs, half of them with a type of the application's
//! own. A full build, and after an edit in one handler an incremental build and `cargo check`.

use std::time::Duration;

use super::templates::{ATTRIBUTE, BY_HAND, with_own_type};
use super::{ALONE, Crate};

const JOBS: usize = 200;
const ROUNDS: usize = 5;

/// The bounds on the ratios of attribute to hand-written code: full build, build after an edit,
/// check after an edit. docs/internals/attribute-cost.md has the figures.
const RATIOS: [(&str, f64); 3] = [("full build", 1.25), ("build", 1.45), ("check", 1.7)];

fn half(template: &'static str) -> impl Fn(usize) -> String {
    move |n| {
        if n.is_multiple_of(2) {
            with_own_type(template)
        } else {
            template.to_owned()
        }
    }
}

impl Crate {
    /// Changes the body of one handler.
    fn edit_one_body(&self, round: usize) {
        let marks = [format!("\"inserting {round}\""), "\"inserting\"".to_owned()];
        self.edit(|source| {
            let before = format!("\"inserting {}\"", round.saturating_sub(1));
            let before = if source.contains(&before) {
                &before
            } else {
                &marks[1]
            };
            source.replacen(before.as_str(), &marks[0], 1)
        });
    }

    /// The least time of a command of Cargo after an edit.
    fn least_after_edits(&mut self, command: &str, first: usize) -> Duration {
        self.times.clear();
        for round in first..first + ROUNDS {
            self.edit_one_body(round);
            self.measure(command);
        }
        self.least()
    }
}

#[test]
fn edits_stay_within_their_ratios() {
    if std::env::var("JOBS_TEST_TIER").as_deref() != Ok("full") {
        println!("in the long tier only: ./test --full");
        return;
    }
    let _alone = ALONE.lock();
    let mut full = [ATTRIBUTE, BY_HAND].map(|template| {
        let name = format!("full-{}", template.len());
        Crate::new(&name, JOBS, false, half(template))
    });
    for _ in 0..ROUNDS {
        full.iter_mut().for_each(Crate::build);
    }
    let full = full.each_ref().map(Crate::least);
    let mut edited = [ATTRIBUTE, BY_HAND].map(|template| {
        let name = format!("edited-{}", template.len());
        Crate::new(&name, JOBS, true, half(template))
    });
    let build = edited.each_mut().map(|it| it.least_after_edits("build", 1));
    // The first check compiles everything.
    edited.iter_mut().for_each(|it| it.measure("check"));
    let check = edited
        .each_mut()
        .map(|it| it.least_after_edits("check", 1 + ROUNDS));
    let mut wrong = Vec::new();
    for ((what, at_most), [with, without]) in RATIOS.into_iter().zip([full, build, check]) {
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("{what}: attribute {with:.2?}  by hand {without:.2?}  ratio {ratio:.2}");
        if ratio > at_most {
            wrong.push(format!("{what}: {ratio:.2} is more than {at_most}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
