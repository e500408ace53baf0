//! Random stories, told to a store and to a model at once.
//!
//! A [story](step::Step) is a list of calls, one after the other, by several sessions through two
//! handles: enqueues, claims, settlements and what operators do, also said twice because an answer
//! was lost, by fences that are long stale, by sessions that were thought dead, while time passes.
//! Each answer must be the [model's](model::Model); in the end so must be everything that can be
//! read. proptest shrinks a story that goes wrong.

mod expected;
mod model;
mod regressions;
mod runner;
mod step;

use std::sync::Arc;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use tokio::runtime::Handle;

use super::backend::Backend;
use super::capabilities::{Capability, Handles, TestContext};
use super::requirement::requirements;
use runner::Play;
use step::Step;

requirements! { "model-test" {
    recorded_sequences_match_the_model: "Sequences of calls that have failed before match the model.",
    random_sequences_match_the_model: "In random sequences of calls, with lost answers, stale fences and take-overs, every answer and all readable data match the model.",
}}

/// Steps of a story at most.
const STEPS: usize = 80;

/// Stories side by side: each waits for its store.
const LANES: u64 = 2;

/// How many stories to tell, and by which dice: the same ones every time in the short tier, so that
/// what passes today passes tomorrow.
fn tier() -> (u32, fn(u64) -> RngSeed) {
    match std::env::var("JOBS_TEST_TIER").as_deref() {
        Ok("full") => (4_000, |_| RngSeed::Random),
        _ => (120, |lane| RngSeed::Fixed(0x6a6f_6273 + lane)),
    }
}

async fn recorded_sequences_match_the_model(context: TestContext) -> Result<(), String> {
    for (name, text) in regressions::all(&*context.backend)? {
        let story = regressions::read(&text).map_err(|error| format!("{name}: {error}"))?;
        let told = tell(&context.backend, &story).await;
        told.map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(())
}

async fn random_sequences_match_the_model(context: TestContext) -> Result<(), String> {
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let backend = Arc::clone(&context.backend);
            let handle = Handle::current();
            tokio::task::spawn_blocking(move || random_lane(&backend, lane, &handle))
        })
        .collect();
    for lane in lanes {
        lane.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

fn random_lane(backend: &Arc<dyn Backend>, lane: u64, handle: &Handle) -> Result<(), String> {
    let (stories, seed) = tier();
    let mut runner = TestRunner::new(Config {
        cases: stories.div_ceil(u32::try_from(LANES).unwrap_or(1)),
        max_shrink_iters: 3_000,
        failure_persistence: None,
        rng_seed: seed(lane),
        ..Config::default()
    });
    let told = runner.run(&step::stories(STEPS), |story| {
        let told = handle.block_on(tell(backend, &story));
        told.map_err(TestCaseError::fail)
    });
    match told {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, story)) => {
            let text = regressions::write(&story);
            let place = regressions::keep(&**backend, &text);
            Err(format!("{reason}\nin this story{place}:\n{text}"))
        }
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
    }
}

/// Tells a story to a fresh store.
async fn tell(backend: &Arc<dyn Backend>, story: &[Step]) -> Result<(), String> {
    let prepared = async {
        let context = TestContext::fresh(backend).await?;
        let Handles(handles) = Handles::prepare(&context).await?;
        Ok((context, handles))
    };
    let (_site, handles) = match prepared.await {
        Ok(prepared) => prepared,
        Err(verdict) => {
            let verdict: super::Verdict = verdict;
            return Err(format!("{verdict:?}"));
        }
    };
    let mut play = Play::begin(handles).await?;
    for (n, step) in story.iter().enumerate() {
        let told = play.step(step).await;
        told.map_err(|reason| format!("step {} of {}: {reason}", n + 1, story.len()))?;
        let side = u8::from(n % 2 == 0);
        let stand = play.execution_states(side).await;
        stand.map_err(|reason| format!("after step {} of {}: {reason}", n + 1, story.len()))?;
    }
    let end = play.end().await;
    end.map_err(|reason| format!("in the end: {reason}"))
}
