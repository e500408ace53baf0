//! Connections and servers that go away.

use std::sync::Arc;
use std::time::Duration;

use jobs_runtime::store::{Answer, EnqueueAnswer, Renewal, Store};
use tests::postgres::Postgres;

use crate::support::{AT_MOST, T0, claim, new, ready, session, success};

/// Asks until the store answers; every refusal until then is one that may be asked again.
macro_rules! until_it_answers {
    ($call:expr) => {{
        let asking = async {
            loop {
                match $call.await {
                    Ok(answer) => break answer,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answered = tokio::time::timeout(AT_MOST, asking).await;
        answered.expect("the store answers again")
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_server_is_survived_by_every_purpose() {
    let server = Postgres::start();
    let store: Arc<dyn Store> = ready(&server.fresh_url()).await;
    let session = session(&*store, "worker").await;
    let first = new("job");
    store.enqueue(vec![first.clone()]).await.unwrap();
    let claimed = store.claim(claim(session, 1, "job", 1)).await.unwrap();
    let [running] = &claimed[..] else {
        panic!("one is claimed");
    };

    server.crash();
    assert!(store.renew(session, T0).await.is_err());
    assert!(store.enqueue(vec![new("job")]).await.is_err());
    assert!(store.claim(claim(session, 2, "job", 1)).await.is_err());
    assert!(store.settle(vec![success(running)]).await.is_err());
    assert!(store.execution(first.id).await.is_err());
    assert!(store.cancel(first.id, T0).await.is_err());
    server.start_again();

    // What was acknowledged is there, and everything goes on with the same words.
    assert_eq!(until_it_answers!(store.renew(session, T0)), Renewal::Held);
    let settled = until_it_answers!(store.settle(vec![success(running)]));
    assert_eq!(settled, [Answer::Settled]);
    let again = until_it_answers!(store.enqueue(vec![first.clone()]));
    assert_eq!(again, [EnqueueAnswer::Created]);
    let nothing = until_it_answers!(store.claim(claim(session, 2, "job", 5)));
    assert!(
        nothing.is_empty(),
        "the first was repeated, not created twice"
    );
    until_it_answers!(store.cancel(first.id, T0));
    let record = until_it_answers!(store.execution(first.id)).unwrap();
    assert!(record.status.is_final());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_a_quiet_moment_costs_nobody_an_error() {
    let server = Postgres::start();
    let store: Arc<dyn Store> = ready(&server.fresh_url()).await;
    let session = session(&*store, "worker").await;
    store.enqueue(vec![new("job")]).await.unwrap();
    store.claim(claim(session, 1, "none", 1)).await.unwrap();
    let unknown = new("job").id;
    store.cancel(unknown, T0).await.unwrap();

    server.crash();
    server.start_again();

    assert_eq!(store.renew(session, T0).await.unwrap(), Renewal::Held);
    store.enqueue(vec![new("job")]).await.unwrap();
    let claimed = store.claim(claim(session, 2, "job", 5)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    store.cancel(unknown, T0).await.unwrap();
}
