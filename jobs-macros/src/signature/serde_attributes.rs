//! The keys in `#[serde(…)]` and `#[schemars(…)]` of an argument.
//!
//! serde's derives and schemars' derive would each report a mistake, and every use of the payload
//! would follow. The keys are therefore checked here, once.

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta, Result, Token};

use crate::errors::Errors;

/// The keys that the macro must know.
#[derive(Clone, Debug, Default)]
pub(crate) struct SerdeKeys {
    pub(crate) rename: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) default: Option<SerdeDefault>,
    pub(crate) flatten: Option<Span>,
    pub(crate) skip_serializing_if: Option<Span>,
    /// A format without a schema: the module of `with = "…"`, or a writer beside a reader.
    pub(crate) format: Option<LitStr>,
    writer: Option<LitStr>,
    reader: Option<LitStr>,
    /// Set for a format of the field's own: its type may lack serde's traits.
    pub(crate) custom_format: bool,
    /// Set for a deserialiser of the field's own, which does not read a missing field as `None`.
    pub(crate) custom_reader: bool,
    /// Set for a schema of the field's own.
    pub(crate) custom_schema: bool,
}

/// `#[serde(default)]`, or `#[serde(default = "path")]`.
#[derive(Clone, Debug)]
pub(crate) struct SerdeDefault {
    pub(crate) span: Span,
    pub(crate) function: Option<LitStr>,
}

const SERDE: [&str; 9] = [
    "alias",
    "bound",
    "default",
    "deserialize_with",
    "flatten",
    "rename",
    "serialize_with",
    "skip_serializing_if",
    "with",
];

const SCHEMARS: [&str; 29] = [
    "alias",
    "bound",
    "contains",
    "default",
    "deprecated",
    "description",
    "deserialize_with",
    "email",
    "example",
    "examples",
    "extend",
    "flatten",
    "inner",
    "ip",
    "ipv4",
    "ipv6",
    "length",
    "pattern",
    "range",
    "regex",
    "rename",
    "required",
    "schema_with",
    "serialize_with",
    "skip_serializing_if",
    "title",
    "transform",
    "url",
    "with",
];

impl SerdeKeys {
    /// Reads the keys of an attribute. Mistakes are reported.
    pub(super) fn read(&mut self, attribute: &Attribute, errors: &mut Errors) {
        if attribute.path().is_ident("schemars") {
            self.read_schemars(attribute, errors);
            return;
        }
        let keys = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        for key in errors.ok(keys).into_iter().flatten() {
            errors.ok(self.set(&key));
        }
        if let (Some(writer), Some(_)) = (&self.writer, &self.reader) {
            self.format.get_or_insert_with(|| writer.clone());
        }
    }

    fn set(&mut self, key: &Meta) -> Result<()> {
        let name = key.path().get_ident().map(ToString::to_string);
        let name = name.unwrap_or_default();
        match name.as_str() {
            "rename" => self.rename = Some(renamed(key)?),
            "alias" => self.aliases.push(text(key)?),
            "default" => {
                let function = match key {
                    Meta::Path(_) => None,
                    _ => Some(text(key)?),
                };
                self.default = Some(SerdeDefault {
                    span: key.span(),
                    function,
                });
            }
            "flatten" => {
                key.require_path_only()?;
                self.flatten = Some(key.span());
            }
            "skip_serializing_if" => {
                text(key)?;
                self.skip_serializing_if = Some(key.span());
            }
            "with" => {
                let with = text(key)?;
                (self.custom_format, self.custom_reader) = (true, true);
                if is_module(&with) {
                    self.format = Some(with);
                }
            }
            "serialize_with" => {
                self.writer = Some(text(key)?);
                self.custom_format = true;
            }
            "deserialize_with" => {
                self.reader = Some(text(key)?);
                (self.custom_format, self.custom_reader) = (true, true);
            }
            "bound" => {}
            "skip" | "skip_serializing" | "skip_deserializing" => {
                return Err(Error::new_spanned(
                    key,
                    "a skipped field is lost between enqueue and attempt: remove the argument, or \
                     remove this",
                ));
            }
            "borrow" => {
                return Err(Error::new_spanned(
                    key,
                    "a payload owns its data, so no field borrows: remove this",
                ));
            }
            _ => return Err(unknown(key.path(), &name, "serde", &SERDE)),
        }
        Ok(())
    }

    /// schemars' keys have more forms than a [`Meta`], so only the first word of each is read.
    fn read_schemars(&mut self, attribute: &Attribute, errors: &mut Errors) {
        let Meta::List(list) = &attribute.meta else {
            errors.over(
                attribute,
                "write the keys in parentheses: `#[schemars(email)]`",
            );
            return;
        };
        for key in first_words(list.tokens.clone()) {
            let name = key.to_string();
            match name.as_str() {
                "with" | "schema_with" => {
                    (self.custom_format, self.custom_schema) = (true, true);
                }
                "skip" | "skip_serializing" => errors.over(
                    &key,
                    "the schema would lack a field that payloads have: remove this",
                ),
                known if SCHEMARS.contains(&known) => {}
                _ => errors.add(unknown(&key, &name, "schemars", &SCHEMARS)),
            }
        }
    }
}

/// The first word after each comma; `!` before it is skipped.
fn first_words(tokens: TokenStream) -> Vec<syn::Ident> {
    let mut words = Vec::new();
    let mut at_start = true;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => at_start = true,
            TokenTree::Punct(punct) if punct.as_char() == '!' && at_start => {}
            TokenTree::Ident(word) if at_start => {
                words.push(word);
                at_start = false;
            }
            _ => at_start = false,
        }
    }
    words
}

/// The text of `key = "…"`.
fn text(key: &Meta) -> Result<LitStr> {
    fn literal(value: &Expr) -> Option<&LitStr> {
        match value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text),
            Expr::Group(group) => literal(&group.expr),
            _ => None,
        }
    }
    let value = match key {
        Meta::NameValue(pair) => literal(&pair.value),
        _ => None,
    };
    value.cloned().ok_or_else(|| {
        let path = key.path();
        let name = quote::quote!(#path);
        Error::new_spanned(key, format!("expected a text in quotes: `{name} = \"…\"`"))
    })
}

/// The one name of `rename = "…"` or `rename(serialize = "…", deserialize = "…")`.
fn renamed(key: &Meta) -> Result<LitStr> {
    let Meta::List(list) = key else {
        return text(key);
    };
    let directions = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
    let mut names = Vec::new();
    for direction in &directions {
        names.push(text(direction)?);
    }
    match names.as_slice() {
        [one, other] if one.value() == other.value() => Ok(one.clone()),
        [one, ..] => {
            let message = format!(
                "a program writes the field at the enqueue and reads it at the attempt, by one \
                 name: write `rename = \"{}\"`",
                one.value()
            );
            Err(Error::new_spanned(key, message))
        }
        [] => Err(Error::new_spanned(key, "expected `rename = \"…\"`")),
    }
}

/// Returns `true` for the path of a module; a type's name begins in upper case.
fn is_module(with: &LitStr) -> bool {
    let text = with.value();
    let last = text.rsplit("::").next().unwrap_or_default().trim();
    !text.contains('<') && last.starts_with(|c: char| c.is_lowercase() || c == '_')
}

fn unknown(at: impl quote::ToTokens, name: &str, attribute: &str, known: &[&str]) -> Error {
    let hint = did_you_mean(name, known.iter().copied());
    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    Error::new_spanned(
        at,
        format!(
            "unknown key `{name}` of `#[{attribute}]`{hint}\nexpected one of {}",
            known.join(", ")
        ),
    )
}
