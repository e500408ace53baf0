//! Access tokens: read as written, revoked once, kept until their end has passed.

use super::fixtures::*;
use super::requirement::requirements;

requirements! { "tokens" {
    a_token_is_read_as_it_was_written: "A token is read as it was written, with its hash. An id exists once.",
    a_revocation_takes_effect_once: "A token is revoked once, at the first time. Sign-ins with it are revoked at the same moment.",
    a_use_is_recorded_now_and_then: "The use of a sign-in is recorded for its token as well, and not again within the time that the caller names.",
    tokens_of_the_past_are_deleted: "A sweep deletes tokens and sign-ins whose end has passed, and never the newest token.",
}}

fn token(id: &str) -> TokenRecord {
    TokenRecord {
        id: id.to_owned(),
        name: format!("the \0 name of {id}"),
        role: Role::Operator,
        hash: std::array::from_fn(|n| u8::try_from(n * 8).unwrap()),
        parent: None,
        created_at: T0,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

fn sign_in(id: &str, parent: &str) -> TokenRecord {
    TokenRecord {
        parent: Some(parent.to_owned()),
        expires_at: Some(t(100)),
        ..token(id)
    }
}

async fn add(store: &AnyStore, token: &TokenRecord) {
    assert!(store.add_token(token.clone()).await.unwrap(), "{token:?}");
}

async fn read(store: &AnyStore, id: &str) -> TokenRecord {
    store.token(id.to_owned()).await.unwrap().expect("a token")
}

async fn a_token_is_read_as_it_was_written(store: AnyStore) {
    assert!(!store.has_tokens().await.unwrap());
    let second = TokenRecord {
        role: Role::Worker,
        created_at: t(1),
        expires_at: Some(t(9)),
        ..token("b")
    };
    add(&store, &token("a")).await;
    add(&store, &second).await;
    add(&store, &sign_in("c", "a")).await;
    assert!(!store.add_token(second.clone()).await.unwrap());
    assert!(store.has_tokens().await.unwrap());
    assert_eq!(read(&store, "b").await, second);
    assert_eq!(store.token("z".to_owned()).await.unwrap(), None);
    // The sign-in is in no list.
    assert_eq!(store.tokens().await.unwrap(), [token("a"), second]);
}

async fn a_revocation_takes_effect_once(store: AnyStore) {
    add(&store, &token("a")).await;
    add(&store, &token("b")).await;
    add(&store, &sign_in("of-a", "a")).await;
    add(&store, &sign_in("of-b", "b")).await;
    let revoke = async |id: &str, at| store.revoke_token(id.to_owned(), at).await.unwrap();
    assert!(revoke("a", t(5)).await);
    assert!(!revoke("a", t(6)).await);
    assert!(!revoke("z", t(6)).await);
    assert!(revoke("of-b", t(7)).await);
    for (id, at) in [
        ("a", Some(5)),
        ("of-a", Some(5)),
        ("b", None),
        ("of-b", Some(7)),
    ] {
        assert_eq!(read(&store, id).await.revoked_at, at.map(t), "{id}");
    }
}

async fn a_use_is_recorded_now_and_then(store: AnyStore) {
    add(&store, &token("a")).await;
    add(&store, &sign_in("s", "a")).await;
    add(&store, &token("b")).await;
    for (at, before, expected) in [(10, 0, 10), (20, 5, 10), (70, 10, 70)] {
        let touched = store.touch_token("s".to_owned(), t(at), t(before)).await;
        touched.unwrap();
        for id in ["s", "a"] {
            let used = read(&store, id).await.last_used_at;
            assert_eq!(used, Some(t(expected)), "{id} at {at}");
        }
    }
    assert_eq!(read(&store, "b").await.last_used_at, None);
}

async fn tokens_of_the_past_are_deleted(store: AnyStore) {
    let expired = TokenRecord {
        expires_at: Some(t(10)),
        ..token("expired")
    };
    let newest = TokenRecord {
        created_at: t(1),
        revoked_at: Some(t(2)),
        ..token("newest")
    };
    for token in [&expired, &token("live"), &newest, &sign_in("s", "live")] {
        add(&store, token).await;
    }
    add(&store, &token("revoked")).await;
    assert!(
        store
            .revoke_token("revoked".to_owned(), t(20))
            .await
            .unwrap()
    );
    let sweep = async |at| {
        let sweep = Sweep {
            rows: Leftover::Tokens,
            before: at,
            limit: 100,
        };
        store.sweep(sweep).await.unwrap()
    };
    assert_eq!(sweep(t(9)).await, 0);
    assert_eq!(sweep(t(15)).await, 1, "the expired one");
    assert_eq!(sweep(t(20)).await, 1, "the revoked one");
    assert_eq!(sweep(t(1_000)).await, 1, "the sign-in");
    let left = store.tokens().await.unwrap();
    let left: Vec<_> = left.iter().map(|token| token.id.as_str()).collect();
    assert_eq!(left, ["live", "newest"]);
}
