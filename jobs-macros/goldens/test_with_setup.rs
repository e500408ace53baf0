/// A refund is booked once.
#[::core::prelude::v1::test]
fn refund_is_booked() -> Result<(), Box<dyn Error>> {
    async fn refund_is_booked(test: &TestRuntime) -> Result<(), Box<dyn Error>> {
        test.client().enqueue(Refund::new(5)).await?;
        Ok(())
    }
    ::jobs_runtime::testing::run_test(
        |builder| builder.resource(Ledger::default()),
        async |test| refund_is_booked(test).await,
    )
}
