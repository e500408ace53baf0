//! The OpenAPI document: one operation for each route, and one typed trigger for each job.

use std::collections::BTreeMap;

use jobs::JobDescriptor;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::components::{add_job_schema, generator, reference};
use crate::http::PREFIX;
use crate::http::auth::COOKIE;
use crate::http::response::problem::Code;
use crate::http::route_doc::{Access, Answer, Content, Input, object_schema};
use crate::http::routes::{ROUTES, Route};

/// The path of the trigger that every job has, typed or not.
const TRIGGER: &str = "/api/v1/workers/jobs/{id}/trigger";

/// Builds the document.
pub(super) fn build(jobs: &[&JobDescriptor]) -> Value {
    let mut builder = Builder {
        inputs: generator(SchemaSettings::draft2020_12().for_deserialize()),
        outputs: generator(SchemaSettings::draft2020_12().for_serialize()),
        components: Map::new(),
    };
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = builder.operation(route, None);
        insert(&mut paths, route.path, route.method, operation);
    }
    let trigger = ROUTES.iter().find(|route| route.path == TRIGGER);
    for job in jobs {
        if let Some(trigger) = trigger {
            let path = TRIGGER.replace("{id}", &job.id);
            let operation = builder.operation(trigger, Some(job));
            insert(&mut paths, &path, trigger.method, operation);
        }
    }
    builder.components.insert("Problem".to_owned(), problem());
    // A type that is both read and shown has one schema here: the wider one, of its input.
    let Builder {
        mut inputs,
        mut outputs,
        mut components,
    } = builder;
    components.extend(outputs.take_definitions(true));
    components.extend(inputs.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "jobs",
            "summary": "Triggers jobs, shows their executions and operates their queues.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": security_schemes()},
    })
}

fn insert(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    if let Value::Object(item) = item {
        item.insert(method.to_lowercase(), operation);
    }
}

/// Collects the schemas that operations refer to.
struct Builder {
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
    components: Map<String, Value>,
}

impl Builder {
    /// Documents a route; for a `job`, its trigger with the job's own schemas.
    fn operation(&mut self, route: &Route, job: Option<&JobDescriptor>) -> Value {
        let doc = route.doc;
        let mut operation = json!({
            "operationId": doc.operation_id,
            "summary": doc.summary,
            "tags": [tag(route.path)],
            "responses": self.responses(route),
            "security": security(route.access()),
        });
        if let Access::Role(role) = route.access() {
            operation["x-role"] = role.as_str().into();
        }
        let mut parameters: Vec<_> = match job {
            Some(_) => Vec::new(),
            None => path_names(route.path).map(path_parameter).collect(),
        };
        parameters.extend(doc.query.iter().map(|input| self.parameter(input)));
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(fields) = doc.body {
            let mut schema = object_schema(&mut self.inputs, fields).to_value();
            if let Some(job) = job {
                self.type_payload(&mut schema, job);
            }
            // Without a body there is no content type, which every write must have.
            operation["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {"schema": schema}},
            });
        }
        if let Some(job) = job {
            let name = format!("result.{}", job.id);
            let result = add_job_schema(&mut self.components, &name, &job.result_schema);
            operation["operationId"] = format!("trigger.{}", job.id).into();
            operation["summary"] = job.label.clone().into();
            operation["description"] = job.description.clone().into();
            operation["tags"] = json!(["triggers"]);
            operation["x-job-result"] = result;
        }
        operation
    }

    fn parameter(&mut self, input: &Input) -> Value {
        json!({
            "name": input.name,
            "in": "query",
            "description": input.description,
            "schema": input.schema(&mut self.inputs),
        })
    }

    /// Puts the job's own schema in the place of the payload's. A payload may be absent if `{}` is
    /// one.
    fn type_payload(&mut self, body: &mut Value, job: &JobDescriptor) {
        let name = format!("payload.{}", job.id);
        let payload = add_job_schema(&mut self.components, &name, &job.payload_schema);
        let required = job.payload_schema["required"].as_array();
        if required.is_none_or(Vec::is_empty) {
            body["properties"]["payload"] = json!({"anyOf": [payload, {"type": "null"}]});
        } else {
            body["properties"]["payload"] = payload;
            body["required"] = json!(["payload"]);
        }
    }

    fn responses(&mut self, route: &Route) -> Value {
        let mut responses = Map::new();
        for answer in route.doc.answers {
            let response = self.answer(answer);
            responses.insert(answer.status.as_str().to_owned(), response);
        }
        for (status, codes) in problems(route) {
            let response = problem_response(&codes);
            match responses.get_mut(&status) {
                // A status with an answer of its own, such as the 503 of `/health`.
                Some(Value::Object(answer)) => {
                    if let (Some(Value::Object(content)), Value::Object(problem)) =
                        (answer.get_mut("content"), response["content"].clone())
                    {
                        content.extend(problem);
                    }
                }
                _ => {
                    responses.insert(status, response);
                }
            }
        }
        responses.into()
    }

    fn answer(&mut self, answer: &Answer) -> Value {
        let mut response = json!({"description": answer.description});
        let content = match answer.content {
            Content::None => return response,
            Content::Json(schema_of) => {
                json!({"application/json": {"schema": schema_of(&mut self.outputs)}})
            }
            Content::Text(media_type) => {
                json!({media_type: {"schema": {"type": "string"}}})
            }
        };
        response["content"] = content;
        response
    }
}

/// The codes of a route by status: its own, and those that its kind of route has.
fn problems(route: &Route) -> BTreeMap<String, Vec<&'static str>> {
    let always = [
        Code::OriginNotAllowed,
        Code::HostNotAllowed,
        Code::Internal,
        Code::StoreUnavailable,
        Code::DeadlineExceeded,
        Code::InvalidQuery,
    ];
    let of_bodies = [
        Code::MalformedJson,
        Code::InvalidRequest,
        Code::RequestTimeout,
        Code::PayloadTooLarge,
        Code::UnsupportedMediaType,
    ];
    let mut codes: Vec<Code> = route.doc.problems.to_vec();
    codes.extend(always);
    codes.extend([Code::InvalidToken, Code::TooManyAttempts]);
    match route.access() {
        Access::Open => {}
        Access::AnyRole => codes.push(Code::TokenRequired),
        Access::Role(_) => codes.extend([Code::TokenRequired, Code::Forbidden]),
    }
    if route.doc.body.is_some() {
        codes.extend(of_bodies);
    }
    if path_names(route.path).next().is_some() {
        codes.push(Code::NotFound);
    }
    let mut by_status = BTreeMap::<String, Vec<_>>::new();
    for code in codes {
        let status = code.status().as_str().to_owned();
        by_status.entry(status).or_default().push(code.as_str());
    }
    by_status
}

fn problem_response(codes: &[&str]) -> Value {
    json!({
        "description": codes.join(", "),
        "content": {"application/problem+json": {"schema": {
            "allOf": [reference("Problem"), {"properties": {"code": {"enum": codes}}}],
        }}},
    })
}

/// The schema of problems. Some codes have further members.
fn problem() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "description": "An error, by RFC 9457. Programs match on `code`.",
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes},
            "detail": {"type": "string"},
            "violations": {
                "description": "The mistakes of a body, a payload or a query.",
                "type": "array",
                "items": {"type": "object", "required": ["message"]},
            },
        },
    })
}

/// The ways to authenticate.
fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `token create`. An interface on a loopback address asks for \
                none while the store has none.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "The cookie of a sign-in, for browsers.",
        },
    })
}

/// The alternatives that a route accepts.
fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::AnyRole | Access::Role(_) => json!([{"token": []}, {"cookie": []}]),
    }
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// The names in braces of a path.
fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The group of a route: the first segment after the prefix.
fn tag(path: &str) -> &str {
    match path.strip_prefix(PREFIX) {
        Some(rest) => rest.split('/').nth(1).unwrap_or_default(),
        None if path.starts_with("/api/") => "session",
        None => "process",
    }
}
