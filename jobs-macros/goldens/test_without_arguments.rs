#[should_panic]
#[::core::prelude::v1::test]
fn it_panics() {
    async fn it_panics() {
        panic!()
    }
    crate::reexported::jobs_runtime::testing::run_test(
        |builder| builder,
        async |_| it_panics().await,
    )
}
