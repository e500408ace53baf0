//! Documentation of routes as data: parameters, bodies, answers and problems.
//!
//! A handler stands beside the [`RouteDoc`] of its route and reads its input by the same
//! [`Input`]s. The OpenAPI document and the index derive from them, so nothing is listed twice. The
//! module imports the codes of problems and nothing else of `http`.

use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, json};

use super::response::problem::Code;
use crate::service::MAX_TEXT_CHARS;
use crate::store::Role;

/// Makes the schema of a value.
pub(in crate::http) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Returns the schema of a type; a reference, if the type has a name.
pub(in crate::http) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A query parameter, or a field of a body.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Input {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) description: &'static str,
    pub(in crate::http) is_required: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Name,
    Object(&'static [Input]),
    List(&'static [Input], usize),
    Number(NumberRange),
    Value(SchemaOf),
}

/// The values of a number, and the value of an absent one.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct NumberRange {
    pub(in crate::http) min: usize,
    pub(in crate::http) max: usize,
    pub(in crate::http) default: usize,
}

impl Input {
    /// A text of at least one character.
    pub(in crate::http) const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            is_required: false,
            kind: Kind::Text,
        }
    }

    /// A text that is stored with an execution: bounded, and without control characters.
    pub(in crate::http) const fn name(name: &'static str, description: &'static str) -> Self {
        Self {
            kind: Kind::Name,
            ..Self::text(name, description)
        }
    }

    /// An object with these fields.
    pub(in crate::http) const fn object(
        name: &'static str,
        fields: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Object(fields),
            ..Self::text(name, description)
        }
    }

    /// A list of 1 to `most` objects with these fields.
    pub(in crate::http) const fn list(
        name: &'static str,
        fields: &'static [Self],
        most: usize,
        description: &'static str,
    ) -> Self {
        Self {
            kind: Kind::List(fields, most),
            ..Self::text(name, description)
        }
    }

    /// A whole number.
    pub(in crate::http) const fn number(
        name: &'static str,
        range: NumberRange,
        description: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Number(range),
            ..Self::text(name, description)
        }
    }

    /// A value of the type `T`.
    pub(in crate::http) const fn value<T: JsonSchema>(
        name: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Value(schema_of::<T>),
            ..Self::text(name, description)
        }
    }

    /// The same input, demanded by its route.
    pub(in crate::http) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The range of a number; of another kind, every number.
    pub(in crate::http) fn range(&self) -> NumberRange {
        match self.kind {
            Kind::Number(range) => range,
            _ => NumberRange {
                min: 0,
                max: usize::MAX,
                default: 0,
            },
        }
    }

    /// Makes the schema of the value.
    pub(in crate::http) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        match self.kind {
            Kind::Text => json_schema!({"type": "string", "minLength": 1}),
            Kind::Name => text_schema(),
            Kind::Object(fields) => object_schema(generator, fields),
            Kind::List(fields, most) => json_schema!({
                "type": "array",
                "items": object_schema(generator, fields),
                "maxItems": most,
            }),
            Kind::Number(NumberRange { min, max, default }) => {
                let mut schema =
                    json_schema!({"type": "integer", "minimum": min, "default": default});
                if max < usize::MAX {
                    schema.insert("maximum".to_owned(), max.into());
                }
                schema
            }
            Kind::Value(schema_of) => schema_of(generator),
        }
    }
}

/// The schema of texts that are stored with an execution.
pub(in crate::http) fn text_schema() -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TEXT_CHARS,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    })
}

/// The schema of an object with these fields. A `null` counts as absent.
pub(in crate::http) fn object_schema(generator: &mut SchemaGenerator, fields: &[Input]) -> Schema {
    let mut properties = Map::new();
    for field in fields {
        let schema = field.schema(generator);
        let schema = if field.is_required {
            json!({"description": field.description, "allOf": [schema]})
        } else {
            json!({"description": field.description, "anyOf": [schema, {"type": "null"}]})
        };
        properties.insert(field.name.to_owned(), schema);
    }
    let required = fields.iter().filter(|field| field.is_required);
    json_schema!({
        "type": "object",
        "properties": properties,
        "required": required.map(|field| field.name).collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

/// A response of a route that is no problem.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Answer {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) description: &'static str,
    pub(in crate::http) content: Content,
}

/// The body of an answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Content {
    None,
    Json(SchemaOf),
    Text(&'static str),
}

impl Answer {
    /// A JSON document of the type `T`.
    pub(in crate::http) const fn json<T: JsonSchema>(
        status: StatusCode,
        description: &'static str,
    ) -> Self {
        Self {
            status,
            description,
            content: Content::Json(schema_of::<T>),
        }
    }

    /// An answer without a body.
    pub(in crate::http) const fn empty(status: StatusCode, description: &'static str) -> Self {
        Self {
            status,
            description,
            content: Content::None,
        }
    }

    /// A text of this media type.
    pub(in crate::http) const fn text(media_type: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            description,
            content: Content::Text(media_type),
        }
    }
}

/// The callers that may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Access {
    /// All callers, also without a token.
    Open,
    /// Callers with a token, whatever its role.
    AnyRole,
    /// Callers whose role allows what this role may do.
    Role(Role),
}

/// The documentation of one route.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct RouteDoc {
    /// A name that is unique in the interface, for generated clients.
    pub(in crate::http) operation_id: &'static str,
    /// The effect of the route, in a phrase.
    pub(in crate::http) summary: &'static str,
    pub(in crate::http) query: &'static [Input],
    /// The fields of the JSON body; `None` for a route without a body.
    pub(in crate::http) body: Option<&'static [Input]>,
    pub(in crate::http) answers: &'static [Answer],
    /// The problems beyond those that every route has.
    pub(in crate::http) problems: &'static [Code],
    /// True if the handler ends when its caller has gone. Acts of other routes complete.
    pub(in crate::http) ends_with_caller: bool,
    /// The callers; `None` for the default of the method.
    access: Option<Access>,
}

impl RouteDoc {
    /// Documents a route without input.
    pub(in crate::http) const fn new(
        operation_id: &'static str,
        summary: &'static str,
        answers: &'static [Answer],
    ) -> Self {
        Self {
            operation_id,
            summary,
            query: &[],
            body: None,
            answers,
            problems: &[],
            ends_with_caller: false,
            access: None,
        }
    }

    pub(in crate::http) const fn query(mut self, query: &'static [Input]) -> Self {
        self.query = query;
        self
    }

    pub(in crate::http) const fn body(mut self, body: &'static [Input]) -> Self {
        self.body = Some(body);
        self
    }

    pub(in crate::http) const fn problems(mut self, problems: &'static [Code]) -> Self {
        self.problems = problems;
        self
    }

    /// Lets the handler end when its caller has gone: it waits, or relies on its end.
    pub(in crate::http) const fn ends_with_caller(mut self) -> Self {
        self.ends_with_caller = true;
        self
    }

    /// Sets the role that the route needs. Default: viewer to read, operator to change.
    pub(in crate::http) const fn role(self, role: Role) -> Self {
        self.access(Access::Role(role))
    }

    /// Sets the callers that may use the route.
    pub(in crate::http) const fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Returns the callers that may use the route by this method.
    pub(in crate::http) fn access_by(&self, method: &str) -> Access {
        self.access.unwrap_or(match method {
            "GET" => Access::Role(Role::Viewer),
            _ => Access::Role(Role::Operator),
        })
    }
}
