//! The attributes of a by-value argument: some are for the macro, others for the payload's field.

use jobs_grammar::suggestion::nearest;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, Ident, LitStr, Meta, Token};

use super::docs::{self, is_doc};
use super::function::is_lint;
use super::serde_attributes::SerdeKeys;
use crate::errors::Errors;

/// The attributes of one argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldAttributes {
    /// `#[default(expr)]`
    pub(crate) default: Option<Expr>,
    /// `#[sensitive]`, or `#[sensitive("field", …)]` beside `#[payload]`.
    pub(crate) sensitive: Option<Ident>,
    /// The names in parentheses: fields of a whole payload, as in JSON.
    pub(crate) sensitive_fields: Vec<LitStr>,
    /// `#[payload]`
    pub(crate) payload: Option<Ident>,
    /// The lines of the docs, and `#[doc(hidden)]`.
    pub(crate) docs: Vec<Attribute>,
    /// `#[serde(…)]` and `#[schemars(…)]`, which the field gets.
    pub(crate) passed: Vec<Attribute>,
    /// The keys of the passed attributes.
    pub(crate) serde: SerdeKeys,
}

const KNOWN: [&str; 5] = ["default", "sensitive", "payload", "serde", "schemars"];

impl FieldAttributes {
    /// Reads the attributes. One with a mistake is reported and left out.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self::default();
        for attribute in attributes {
            let result = read.add(attribute, errors);
            errors.ok(result);
        }
        read
    }

    fn add(&mut self, attribute: &Attribute, errors: &mut Errors) -> syn::Result<()> {
        if is_lint(attribute) {
            return Ok(());
        }
        if is_doc(attribute) {
            self.docs.extend(docs::lines(attribute));
            return Ok(());
        }
        let path = attribute.path();
        let Some(name) = path.get_ident() else {
            return Err(unknown_attribute(attribute, ""));
        };
        match name.to_string().as_str() {
            "doc" => self.docs.push(attribute.clone()),
            "serde" | "schemars" => {
                self.serde.read(attribute, errors);
                self.passed.push(attribute.clone());
            }
            "default" => {
                let default = default(attribute)?;
                once(&mut self.default, default, name)?;
            }
            "sensitive" => {
                once(&mut self.sensitive, name.clone(), name)?;
                self.sensitive_fields = sensitive_fields(attribute, name)?;
            }
            "payload" => once(&mut self.payload, marker(attribute, name)?, name)?,
            "cfg" | "cfg_attr" => {
                let message = format!(
                    "`#[{name}]` on an argument would change the stored payload from build to \
                     build: put it on the whole function, or make the argument an `Option`"
                );
                return Err(syn::Error::new_spanned(attribute, message));
            }
            other => {
                let hint = nearest(other, KNOWN).map(|name| format!(", did you mean `#[{name}]`?"));
                return Err(unknown_attribute(attribute, &hint.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// The first attribute that describes a field of the payload.
    pub(crate) fn first_for_fields(attributes: &[Attribute]) -> Option<&Attribute> {
        let mut attributes = attributes.iter();
        attributes.find(|attribute| !is_lint(attribute) && !attribute.path().is_ident("doc"))
    }
}

/// Parses `#[default(expr)]`.
fn default(attribute: &Attribute) -> syn::Result<Expr> {
    let example = "write the value in parentheses: `#[default(\"member\")]`";
    match &attribute.meta {
        Meta::List(list) if list.tokens.is_empty() => {
            Err(syn::Error::new_spanned(attribute, example))
        }
        Meta::List(list) => list.parse_args(),
        Meta::Path(_) | Meta::NameValue(_) => Err(syn::Error::new_spanned(attribute, example)),
    }
}

/// Parses `#[sensitive]` or `#[sensitive("field", …)]`.
fn sensitive_fields(attribute: &Attribute, name: &Ident) -> syn::Result<Vec<LitStr>> {
    let Meta::List(list) = &attribute.meta else {
        return marker(attribute, name).map(|_| Vec::new());
    };
    let fields = list.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?;
    Ok(fields.into_iter().collect())
}

/// Checks that an attribute is `#[name]` without a value.
fn marker(attribute: &Attribute, name: &Ident) -> syn::Result<Ident> {
    match &attribute.meta {
        Meta::Path(_) => Ok(name.clone()),
        _ => Err(syn::Error::new_spanned(
            attribute,
            format!("`#[{name}]` has no value: remove it"),
        )),
    }
}

/// Sets `slot`, which must be empty.
fn once<T>(slot: &mut Option<T>, value: T, name: &Ident) -> syn::Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(
            name.span(),
            format!("`#[{name}]` is given twice: keep one"),
        )),
    }
}

fn unknown_attribute(attribute: &Attribute, hint: &str) -> syn::Error {
    let names: Vec<String> = KNOWN.iter().map(|name| format!("`#[{name}]`")).collect();
    let path = attribute.path();
    let path = quote::quote!(#path);
    syn::Error::new(
        attribute.path().span(),
        format!(
            "unknown attribute `#[{path}]` on an argument{hint}\nexpected one of {}",
            names.join(", ")
        ),
    )
}
