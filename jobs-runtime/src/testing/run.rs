//! The frame of a `#[jobs::test]`: an executor and a [`TestRuntime`].

use super::TestRuntime;
use crate::RuntimeBuilder;

/// Runs a test on a [`TestRuntime`] of its own, which `setup` configures.
///
/// [`#[jobs::test]`](macro@jobs::test) expands to a call of this function.
///
/// ```
/// # use jobs::{job, JobError};
/// use jobs_runtime::testing::run_test;
///
/// #[job(id = "kit.double")]
/// async fn double(n: u32) -> Result<u32, JobError> {
///     Ok(2 * n)
/// }
///
/// let doubled = run_test(|builder| builder.concurrency(1), async |test| {
///     let execution = test.client().enqueue(Double::new(2)).await.unwrap();
///     test.run_until_idle().await;
///     execution.result().await.unwrap()
/// });
/// assert_eq!(doubled, 4);
/// ```
///
/// # Panics
/// If the runtime does not start, such as for a missing resource, or if the test panics.
pub fn run_test<T>(
    setup: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
    test: impl AsyncFnOnce(&TestRuntime) -> T,
) -> T {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the executor of a test starts");
    executor.block_on(async {
        let runtime = TestRuntime::start_with(setup).await;
        let runtime = runtime.unwrap_or_else(|error| panic!("the runtime does not start: {error}"));
        test(&runtime).await
    })
}
