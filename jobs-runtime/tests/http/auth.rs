//! Tokens and roles: what each may do, route by route, as the OpenAPI document lists them.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{StatusCode, header};
use jobs_runtime::http::Caller;
use jobs_runtime::store::Role;
use jobs_runtime::{NewToken, SystemClock};
use serde_json::{Value, json};

use crate::support::{API, Answer, Api, request};

/// Creates a token of a role.
async fn token(api: &Api, role: Role) -> String {
    let new = NewToken {
        role,
        name: Some(format!("a {role}")),
        lasts: None,
    };
    api.service.create_token(new).await.unwrap().token
}

/// Sends a request with a token.
async fn call(api: &Api, token: Option<&str>, method: &str, path: &str, body: &Value) -> Answer {
    let mut request = request(method, path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

/// The routes of the document: method, path with an id in it, and the role that it needs.
async fn routes(api: &Api, token: &str) -> Vec<(String, String, Option<String>)> {
    let document = call(api, Some(token), "GET", "/openapi.json", &json!({})).await;
    let mut routes = Vec::new();
    for (path, item) in document.is_ok()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path
                .replace("{id}", "0190a2b4-0000-7000-8000-000000000000")
                .replace("{queue}", "default")
                .replace("{limit}", "x")
                .replace("{token}", "x");
            let role = operation["x-role"].as_str().map(str::to_owned);
            routes.push((method.to_uppercase(), path, role));
        }
    }
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

/// Everything that a store shows, for a comparison before and after.
async fn contents(api: &Api, token: &str) -> Vec<Value> {
    let mut contents = Vec::new();
    for path in ["/executions", "/queues", "/schedules", "/jobs"] {
        let answer = call(api, Some(token), "GET", &format!("{API}{path}"), &json!({})).await;
        contents.push(answer.is_ok().clone());
    }
    contents
}

#[tokio::test]
async fn each_role_may_do_what_the_document_says_and_no_more() {
    let api = Api::new().await;
    let tokens = [Role::Viewer, Role::Operator, Role::Admin, Role::Worker];
    let mut texts = Vec::new();
    for role in tokens {
        texts.push((role, token(&api, role).await));
    }
    let admin = texts[2].1.clone();
    let trigger = format!("{API}/jobs/send-letter/trigger");
    let body = json!({"payload": {"pin": 1, "to": "alice"}});
    let answer = call(&api, Some(&admin), "POST", &trigger, &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");

    let before = contents(&api, &admin).await;
    for (method, path, needed) in routes(&api, &admin).await {
        // An event stream has no end.
        if path.ends_with("/events") {
            continue;
        }
        // Without a token there is nothing but `/livez` and the way to sign in and out.
        let answer = call(&api, None, &method, &path, &json!({})).await;
        let is_open = path == "/livez" || (path == "/api/v1/session" && method != "GET");
        if is_open {
            assert_ne!(answer.body["code"], "token_required", "{method} {path}");
        } else {
            answer.is_problem(401, "token_required");
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"jobs\"");
        }
        for (role, token) in &texts {
            let allowed = needed
                .as_ref()
                .is_none_or(|needed| role.allows(needed.parse().unwrap()));
            // Only a viewer sends the requests that its role allows: they change nothing.
            if allowed && *role != Role::Viewer {
                continue;
            }
            let answer = call(&api, Some(token), &method, &path, &json!({})).await;
            if allowed {
                assert_ne!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{role} {method} {path}"
                );
                assert_ne!(
                    answer.status,
                    StatusCode::UNAUTHORIZED,
                    "{role} {method} {path}"
                );
                assert!(
                    answer.status.as_u16() < 500,
                    "{role} {method} {path}: {answer:?}"
                );
            } else {
                let problem = answer.is_problem(403, "forbidden");
                assert_eq!(problem["role"], role.as_str(), "{method} {path}");
                assert_eq!(
                    problem["needed"].as_str(),
                    needed.as_deref(),
                    "{method} {path}"
                );
            }
        }
    }
    assert_eq!(
        contents(&api, &admin).await,
        before,
        "a viewer or a worker changed something"
    );
    // Unknown routes tell nothing without a token.
    for path in ["/nothing", "/api/v1/workers/nothing"] {
        call(&api, None, "GET", path, &json!({}))
            .await
            .is_problem(401, "token_required");
        call(&api, Some(&admin), "GET", path, &json!({}))
            .await
            .is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn only_whole_valid_tokens_are_accepted() {
    let api = Api::new().await;
    let good = token(&api, Role::Admin).await;
    let path = format!("{API}/jobs");
    call(&api, Some(&good), "GET", &path, &json!({}))
        .await
        .is_ok();
    let other = Api::new().await;
    let of_another_store = token(&other, Role::Admin).await;
    let (id, secret) = good.split_once('.').unwrap();
    let wrong = [
        &good[..good.len() - 1],
        &format!("{good}0"),
        id,
        secret,
        &format!("{}.{secret}", of_another_store.split_once('.').unwrap().0),
        &of_another_store,
        "jobs_.",
        "'; DROP TABLE jobs_tokens",
    ];
    for token in wrong.iter().take(3) {
        call(&api, Some(token), "GET", &path, &json!({}))
            .await
            .is_problem(401, "invalid_token");
    }
    // Another address than that of the failures so far, whose answers have become slow.
    for token in &wrong[3..] {
        let fresh = Api::on_store_of(&api);
        call(&fresh, Some(token), "GET", &path, &json!({}))
            .await
            .is_problem(401, "invalid_token");
    }
    let basic = request("GET", &path).header(header::AUTHORIZATION, "Basic YTpi");
    let fresh = Api::on_store_of(&api);
    let answer = fresh.send(basic.body(Body::empty()).unwrap()).await;
    answer.is_problem(401, "invalid_token");
    call(&api, Some(&good), "GET", &path, &json!({}))
        .await
        .is_ok();
}

#[tokio::test]
async fn revoked_and_expired_tokens_are_refused() {
    let api = Api::new().await;
    let path = format!("{API}/jobs");
    let good = token(&api, Role::Admin).await;
    let short = NewToken {
        role: Role::Viewer,
        name: None,
        lasts: Some(Duration::ZERO),
    };
    let short = api.service.create_token(short).await.unwrap();
    let answer = call(&api, Some(&short.token), "GET", &path, &json!({})).await;
    let problem = answer.is_problem(401, "invalid_token");
    assert_eq!(problem["detail"], "the token has expired");

    call(&api, Some(&good), "GET", &path, &json!({}))
        .await
        .is_ok();
    let tokens = api.service.tokens().await.unwrap();
    let admin = tokens.iter().find(|token| token.role == Role::Admin);
    assert!(api.service.revoke_token(&admin.unwrap().id).await.unwrap());
    // Another process has no memory of the token. This one refuses it within five seconds.
    let other = Api::on_store_of(&api);
    call(&other, Some(&good), "GET", &path, &json!({}))
        .await
        .is_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_use_of_a_token_is_recorded() {
    let api = Api::new().await;
    let good = token(&api, Role::Viewer).await;
    assert_eq!(api.service.tokens().await.unwrap()[0].last_used_at, None);
    call(&api, Some(&good), "GET", &format!("{API}/jobs"), &json!({}))
        .await
        .is_ok();
    for _ in 0..3_000 {
        if api.service.tokens().await.unwrap()[0]
            .last_used_at
            .is_some()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the use was not recorded within 30 s");
}

#[tokio::test]
async fn a_browser_signs_in_and_out_by_a_cookie() {
    let api = Api::with_clock(Arc::new(SystemClock::new())).await;
    let good = token(&api, Role::Operator).await;
    let sign_in = async |token: &str| {
        let body = json!({"token": token}).to_string();
        let request = request("POST", "/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, "http://localhost:8091");
        api.send(request.body(Body::from(body)).unwrap()).await
    };
    sign_in("jobs_no.token")
        .await
        .is_problem(401, "invalid_token");
    let answer = sign_in(&good).await;
    assert_eq!(answer.is_ok()["name"], "a operator");
    let line = answer.headers["set-cookie"].to_str().unwrap();
    for part in [
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=43200",
        "; Path=/",
    ] {
        assert!(line.contains(part), "{line}");
    }
    let cookie = line.split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(&good));

    let with_cookie = async |method: &str, path: &str, origin: Option<&str>| {
        let mut request = request(method, path)
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        api.send(request.body(Body::from("{}")).unwrap()).await
    };
    let caller = with_cookie("GET", "/api/v1/session", None).await;
    assert_eq!(caller.is_ok()["role"], "operator");
    assert!(caller.body["expiresAt"].is_string(), "{}", caller.body);
    // The browser sends the cookie by itself, so a change must come from a page of the interface.
    let pause = format!("{API}/queues/default/pause");
    for origin in [
        None,
        Some("http://localhost:3000"),
        Some("https://evil.example"),
        Some("null"),
    ] {
        let answer = with_cookie("POST", &pause, origin).await;
        answer.is_problem(403, "origin_not_allowed");
    }
    with_cookie("POST", &pause, Some("http://localhost:8091"))
        .await
        .is_ok();
    // The cookie is no token to sign in with.
    let value = cookie.split_once('=').unwrap().1;
    sign_in(value).await.is_problem(401, "invalid_token");

    let out = with_cookie("DELETE", "/api/v1/session", Some("http://localhost:8091")).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(
        out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    with_cookie("GET", "/api/v1/session", None)
        .await
        .is_problem(401, "invalid_token");
    // The token itself stays valid.
    call(&api, Some(&good), "GET", "/api/v1/session", &json!({}))
        .await
        .is_ok();
}

#[tokio::test]
async fn without_tokens_a_caller_on_this_machine_is_the_admin() {
    let api = Api::new().await;
    let answer = api.get("/api/v1/session").await;
    let expected = json!({"name": "local", "role": "admin", "expiresAt": null});
    assert_eq!(answer.is_ok(), &expected);
}

#[tokio::test]
async fn a_mounted_router_takes_the_caller_of_the_application() {
    let api = Api::new().await;
    let mounted = jobs_runtime::http::routes(api.service.clone(), api.health.clone());
    let ask = async |router: axum::Router, method: &str, path: &str| {
        let request = request(method, path).header(header::CONTENT_TYPE, "application/json");
        Api::ask(router, request.body(Body::from("{}")).unwrap()).await
    };
    let jobs = format!("{API}/jobs");
    let pause = format!("{API}/queues/default/pause");
    // Without a caller there is no access, whatever the store's tokens.
    ask(mounted.clone(), "GET", &jobs)
        .await
        .is_problem(401, "token_required");
    ask(mounted.clone(), "GET", "/livez").await.is_ok();
    let viewer = mounted
        .clone()
        .layer(Extension(Caller::new("alice", Role::Viewer)));
    ask(viewer.clone(), "GET", &jobs).await.is_ok();
    ask(viewer.clone(), "POST", &pause)
        .await
        .is_problem(403, "forbidden");
    let caller = ask(viewer, "GET", "/api/v1/session").await;
    assert_eq!(caller.is_ok()["name"], "alice");
    let operator = mounted.layer(Extension(Caller::new("bob", Role::Operator)));
    ask(operator.clone(), "POST", &pause).await.is_ok();
    // Under a prefix, paths that the interface tells have it.
    let nested = axum::Router::new().nest("/admin/jobs", operator);
    let trigger = format!("/admin/jobs{API}/jobs/send-letter/trigger");
    let body = json!({"payload": {"to": "alice"}}).to_string();
    let request = request("POST", &trigger).header(header::CONTENT_TYPE, "application/json");
    let answer = Api::ask(nested.clone(), request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let location = answer.headers["location"].to_str().unwrap();
    assert!(
        location.starts_with(&format!("/admin/jobs{API}/executions/")),
        "{location}"
    );
    ask(nested.clone(), "GET", location).await.is_ok();
    let document = ask(nested, "GET", "/admin/jobs/openapi.json").await;
    assert_eq!(document.is_ok()["servers"][0]["url"], "/admin/jobs");
}
