// The keys of a test.

struct TestRuntime;

#[jobs::test(setpu = |builder| builder)]
async fn mail_is_sent(test: &TestRuntime) {
    let _ = test;
}

fn main() {
    drop(mail_is_sent(&TestRuntime));
}
