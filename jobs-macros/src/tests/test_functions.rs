//! Golden expansions of `#[test]`.

use super::golden;

#[test]
fn test_with_setup() {
    golden(
        "test_with_setup",
        r#"
        /// A refund is booked once.
        #[test(setup = |builder| builder.resource(Ledger::default()))]
        async fn refund_is_booked(test: &TestRuntime) -> Result<(), Box<dyn Error>> {
            test.client().enqueue(Refund::new(5)).await?;
            Ok(())
        }
        "#,
    );
}

#[test]
fn test_without_arguments() {
    golden(
        "test_without_arguments",
        r#"
        #[test(crate = crate::reexported::jobs_runtime)]
        #[should_panic]
        async fn it_panics() {
            panic!()
        }
        "#,
    );
}
