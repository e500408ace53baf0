//! The model test: random sequences of calls against a store and a model.
//!
//! A sequence is a list of [steps](step::Step). Each step is one call by one of several sessions,
//! through one of two store handles: an enqueue, a claim, a settlement, an operator's action. Calls
//! are also repeated as after a lost answer, made under stale fences, or made by sessions that were
//! taken over, while time passes.
//!
//! Each answer must equal that of the [model](model::Model). At the end, all data that can be read
//! must equal the model's. `proptest` shrinks a failing sequence.
//!
//! This module imports the backends and fixtures of the suite. It must not import a particular
//! store or the store's rules: the model states them a second time.

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
use super::requirement::{Verdict, requirements};
use runner::Runner;
use step::Step;

requirements! { "model-test" {
    recorded_sequences_match_the_model: "Sequences of calls that have failed before match the model.",
    random_sequences_match_the_model: "In random sequences of calls, with lost answers, stale fences and take-overs, every answer and all readable data match the model.",
}}

/// The largest number of steps of a sequence.
const STEPS: usize = 80;

/// The number of sequences that run at the same time. Each mostly waits for its store.
const LANES: u64 = 2;

/// Returns the number of sequences and the seed of each lane. The short tier has fixed seeds, so
/// that its result is reproducible.
fn tier() -> (u32, fn(u64) -> RngSeed) {
    match std::env::var("JOBS_TEST_TIER").as_deref() {
        Ok("full") => (4_000, |_| RngSeed::Random),
        _ => (120, |lane| RngSeed::Fixed(0x6a6f_6273 + lane)),
    }
}

async fn recorded_sequences_match_the_model(context: TestContext) -> Result<(), String> {
    for (name, text) in regressions::all(&*context.backend)? {
        let sequence = regressions::read(&text).map_err(|error| format!("{name}: {error}"))?;
        let result = run_sequence(&context.backend, &sequence).await;
        result.map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(())
}

async fn random_sequences_match_the_model(context: TestContext) -> Result<(), String> {
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let backend = Arc::clone(&context.backend);
            let handle = Handle::current();
            tokio::task::spawn_blocking(move || run_lane(&backend, lane, &handle))
        })
        .collect();
    for lane in lanes {
        lane.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

fn run_lane(backend: &Arc<dyn Backend>, lane: u64, handle: &Handle) -> Result<(), String> {
    let (sequences, seed) = tier();
    let mut runner = TestRunner::new(Config {
        cases: sequences.div_ceil(u32::try_from(LANES).unwrap_or(1)),
        max_shrink_iters: 3_000,
        failure_persistence: None,
        rng_seed: seed(lane),
        ..Config::default()
    });
    let result = runner.run(&step::sequences(STEPS), |sequence| {
        let result = handle.block_on(run_sequence(backend, &sequence));
        result.map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, sequence)) => {
            let text = regressions::write(&sequence);
            let note = regressions::record(&**backend, &text);
            Err(format!("{reason}\nin this sequence{note}:\n{text}"))
        }
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
    }
}

/// Runs a sequence on a new database.
async fn run_sequence(backend: &Arc<dyn Backend>, sequence: &[Step]) -> Result<(), String> {
    let prepare = async {
        let context = TestContext::create(backend).await?;
        let Handles(handles) = Handles::prepare(&context).await?;
        Ok((context, handles))
    };
    // The context keeps the database alive.
    let (_context, handles) = match prepare.await {
        Ok(prepared) => prepared,
        Err(verdict) => {
            let verdict: Verdict = verdict;
            return Err(format!("{verdict:?}"));
        }
    };
    let mut runner = Runner::begin(handles).await?;
    let count = sequence.len();
    for (n, step) in sequence.iter().enumerate() {
        let result = runner.step(step).await;
        result.map_err(|reason| format!("step {} of {count}: {reason}", n + 1))?;
        let handle = u8::from(n % 2 == 0);
        let states = runner.execution_states(handle).await;
        states.map_err(|reason| format!("after step {} of {count}: {reason}", n + 1))?;
    }
    let end = runner.end().await;
    end.map_err(|reason| format!("at the end: {reason}"))
}
