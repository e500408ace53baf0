// A test awaits its runtime.

struct TestRuntime;

#[jobs::test]
fn mail_is_sent(test: &TestRuntime) {
    let _ = test;
}

fn main() {
    mail_is_sent(&TestRuntime);
}
