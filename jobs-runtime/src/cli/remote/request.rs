//! A request to a route of the route table, and its answer.

use std::fmt::{Display, Write};

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ApiClient, RemoteError, RemoteProblem};

/// A request that is being put together.
#[must_use]
pub(in crate::cli) struct ApiRequest<'a> {
    client: &'a ApiClient,
    operation: &'static str,
    parameters: Vec<String>,
    query: String,
    body: Option<Result<String, serde_json::Error>>,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(in crate::cli) struct ApiAnswer {
    pub(in crate::cli) status: u16,
    pub(super) content_type: String,
    pub(in crate::cli) text: String,
}

impl<'a> ApiRequest<'a> {
    pub(super) fn new(client: &'a ApiClient, operation: &'static str) -> Self {
        Self {
            client,
            operation,
            parameters: Vec::new(),
            query: String::new(),
            body: None,
        }
    }

    /// Adds the value of the path's next parameter.
    pub(in crate::cli) fn path(mut self, value: impl Display) -> Self {
        self.parameters.push(value.to_string());
        self
    }

    /// Adds a query parameter, if there is a value.
    pub(in crate::cli) fn query(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            let separator = if self.query.is_empty() { '?' } else { '&' };
            let value = encoded(&value.to_string());
            self.query.push_str(&format!("{separator}{name}={value}"));
        }
        self
    }

    /// Sets the JSON body.
    pub(in crate::cli) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_string(body));
        self
    }

    /// Sends the request.
    ///
    /// # Errors
    /// The server cannot be reached, or it answers with a problem.
    pub(in crate::cli) async fn send(self) -> Result<ApiAnswer, RemoteError> {
        let server = self.client.address();
        let answer = self.answer().await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let server = server.to_string();
        Err(match answer.problem() {
            Some(problem) => RemoteError::Problem {
                server,
                problem: Box::new(problem),
            },
            None => RemoteError::Foreign {
                server,
                status: answer.status,
            },
        })
    }

    /// Sends the request, and returns the answer of every status.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(in crate::cli) async fn answer(self) -> Result<ApiAnswer, RemoteError> {
        let Some((method, template)) = crate::http::route_of(self.operation) else {
            return Err(RemoteError::Route(self.operation));
        };
        let path = filled(template, &self.parameters) + &self.query;
        // Every other method but `DELETE` has a body.
        let has_none = method == Method::GET || method == Method::DELETE;
        let body = match self.body {
            Some(body) => Some(body.map_err(|error| RemoteError::Json(error.to_string()))?),
            None if has_none => None,
            None => Some("{}".to_owned()),
        };
        self.client.send(&method, &path, body).await
    }

    /// Sends the request, and reads the answer's JSON.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), and an answer of another form.
    pub(in crate::cli) async fn json<T: DeserializeOwned>(self) -> Result<T, RemoteError> {
        self.send().await?.json()
    }
}

impl ApiAnswer {
    /// Reads the JSON of the answer.
    ///
    /// # Errors
    /// It has another form.
    pub(in crate::cli) fn json<T: DeserializeOwned>(&self) -> Result<T, RemoteError> {
        serde_json::from_str(&self.text).map_err(|error| RemoteError::Json(error.to_string()))
    }

    fn problem(&self) -> Option<RemoteProblem> {
        let is_problem = self.content_type.starts_with("application/problem+json");
        is_problem.then(|| self.json().ok()).flatten()
    }
}

impl ApiClient {
    pub(super) fn http_request(
        &self,
        method: &Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Request<Body>, RemoteError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.prefix))
            .header(header::HOST, &self.address.authority)
            .header(
                header::USER_AGENT,
                concat!("jobs/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from));
        request.map_err(|error| RemoteError::Json(error.to_string()))
    }
}

/// Puts the parameters into the places `{…}` of a path.
fn filled(template: &str, parameters: &[String]) -> String {
    let mut values = parameters.iter();
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        path.push('/');
        if segment.starts_with('{') {
            path.push_str(
                &values
                    .next()
                    .map(|value| encoded(value))
                    .unwrap_or_default(),
            );
        } else {
            path.push_str(segment);
        }
    }
    path
}

/// Encodes a text for a segment of a path or a value of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded() {
        let path = filled("/api/limits/{limit}/reset", &["a/b ü%".to_owned()]);
        assert_eq!(path, "/api/limits/a%2Fb%20%C3%BC%25/reset");
        assert_eq!(filled("/api/jobs", &[]), "/api/jobs");
    }
}
