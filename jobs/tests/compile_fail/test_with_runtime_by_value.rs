// A test borrows its runtime.

struct TestRuntime;

#[jobs::test]
async fn mail_is_sent(test: TestRuntime) {
    drop(test);
}

fn main() {
    drop(mail_is_sent(TestRuntime));
}
