//! `GET /tokens`, `POST /tokens`, `DELETE /tokens/{id}`: lists, creations and revocations, by
//! admins.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::support::{API, Answer, Api, request};

async fn call(api: &Api, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = request(method, &format!("{API}{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

#[tokio::test]
async fn an_admin_creates_lists_and_revokes_tokens() {
    let api = Api::new().await;
    // Without a token, a caller on this machine is the admin.
    let body = r#"{"role": "admin", "name": "root"}"#;
    let first = api.post(&format!("{API}/tokens"), body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let root = first.body["token"].as_str().unwrap().to_owned();
    assert!(root.starts_with("jobs_"), "{root}");

    let body = json!({"role": "viewer", "name": "bob", "expiresInMs": 60_000});
    let second = call(&api, &root, "POST", "/tokens", &body).await;
    let (bob, id) = (&second.body["token"], &second.body["id"]);
    let (bob, id) = (bob.as_str().unwrap(), id.as_str().unwrap());
    assert!(second.body["expiresAt"].is_string(), "{}", second.body);

    let listed = call(&api, &root, "GET", "/tokens", &json!({})).await;
    let tokens = listed.is_ok()["tokens"].as_array().unwrap();
    let names: Vec<_> = tokens.iter().map(|token| &token["name"]).collect();
    assert_eq!(names, ["root", "bob"]);
    let secret = bob.rsplit('.').next().unwrap();
    assert!(
        !listed.body.to_string().contains(secret),
        "a secret is listed"
    );

    for (method, path) in [
        ("GET", "/tokens"),
        ("POST", "/tokens"),
        ("DELETE", "/tokens/x"),
    ] {
        let answer = call(&api, bob, method, path, &json!({"role": "admin"})).await;
        answer.is_problem(403, "forbidden");
    }
    let path = format!("/tokens/{id}");
    let revoked = call(&api, &root, "DELETE", &path, &json!({})).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let again = call(&api, &root, "DELETE", &path, &json!({})).await;
    again.is_problem(404, "unknown_token");

    let audit = call(&api, &root, "GET", "/audit", &json!({})).await;
    let acts = audit.is_ok()["entries"].as_array().unwrap().iter();
    let acts: Vec<_> = acts.map(|entry| &entry["action"]).collect();
    assert_eq!(acts, ["token.revoke", "token.create", "token.create"]);
}

#[tokio::test]
async fn mistakes_of_a_new_token_are_named() {
    let api = Api::new().await;
    for (body, pointers) in [
        (json!({}), vec!["/role"]),
        (json!({"role": "root"}), vec!["/role"]),
        (json!({"role": "viewer", "name": "a\nb"}), vec!["/name"]),
        (
            json!({"role": "viewer", "expiresInMs": 5}),
            vec!["/expiresInMs"],
        ),
        (json!({"role": "viewer", "for": "1d"}), vec!["/for"]),
    ] {
        let answer = api.post(&format!("{API}/tokens"), &body).await;
        answer.is_problem(400, "invalid_request");
        assert_eq!(answer.pointers(), pointers, "{body}");
    }
    let listed = api.get(&format!("{API}/tokens")).await;
    assert_eq!(listed.is_ok()["tokens"], json!([]));
}
