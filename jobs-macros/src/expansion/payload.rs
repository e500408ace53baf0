//! The payload struct, which an application fills in to enqueue.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr, Type, Visibility};

use super::constructors::default_name;
use super::{bounds, schema};
use crate::model::{AcceptedJob, Field, Initial, Outline, Payload, Shape};
use crate::signature::docs::is_doc;

/// Generates the struct.
pub(super) fn payload(job: &AcceptedJob) -> TokenStream {
    let Outline {
        krate,
        shared,
        payload,
        ..
    } = &job.outline;
    let derives = &payload.derives;
    let serde = crate_path(&job.outline, "serde");
    let schemars = crate_path(&job.outline, "schemars");
    let transparent = match &payload.shape {
        Shape::Fields(_) => TokenStream::new(),
        // The struct has the schema and the JSON of the type inside.
        Shape::Whole(_) => quote!(, transparent),
    };
    let options = container_options(payload);
    let bound = bounds::serde_bound(&job.outline);
    let derives_schema = schema::derives_schema(job);
    let schema = derives_schema.then(|| quote!(, #krate::__private::JsonSchema));
    let schemars = derives_schema.then(|| quote!(#[schemars(crate = #schemars)]));
    let item = match &payload.shape {
        Shape::Fields(fields) => fields_struct(payload, fields, derives_schema),
        Shape::Whole(ty) => whole_struct(payload, ty),
    };
    let docs = struct_docs(job);
    quote! {
        #(#shared)*
        #docs
        #[derive(
            #krate::__private::Serialize,
            #krate::__private::Deserialize
            #schema
            #(, #derives)*
        )]
        #[serde(crate = #serde #transparent #options #bound)]
        #schemars
        #item
    }
}

/// Generates the docs: those of the function, and a line with the job's id.
fn struct_docs(job: &AcceptedJob) -> TokenStream {
    let docs = &job.outline.docs;
    let attributes = docs.attributes();
    let separator = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
    let payload_of = format!(" The payload of the job `{}`.", job.id.value());
    quote! {
        #(#attributes)*
        #separator
        #[doc = #payload_of]
    }
}

/// Generates a copy of the struct with the bounds on the struct itself. Only its schema is used.
pub(super) fn described_twin(job: &AcceptedJob, fields: &[Field]) -> TokenStream {
    let payload = &job.outline.payload;
    let docs = struct_docs(job);
    let options = container_options(payload);
    let schemars = crate_path(&job.outline, "schemars");
    let name = payload.name.unraw().to_string();
    let bounds = bounds::payload_clause(&job.outline);
    let fields = fields.iter().map(|field| {
        let Field {
            name,
            ty,
            docs,
            attributes,
            ..
        } = field;
        let default = serde_default(payload, field);
        quote! {
            #(#docs)*
            #(#attributes)*
            #default
            #name: #ty,
        }
    });
    quote! {
        #docs
        #[derive(__private::JsonSchema)]
        #[schemars(crate = #schemars, rename = #name #options)]
        #[allow(dead_code)]
        struct __Described #bounds {
            #(#fields)*
        }
    }
}

/// Generates the struct after a mistake: without serde's attributes, which may contain it.
pub(super) fn placeholder(outline: &Outline) -> TokenStream {
    let Outline {
        shared,
        docs,
        payload,
        ..
    } = outline;
    let Payload {
        name,
        visibility,
        derives,
        ..
    } = payload;
    let attributes = docs.attributes();
    let item = match &payload.shape {
        Shape::Fields(fields) => {
            let fields = fields.iter().map(|field| {
                let Field { name, ty, docs, .. } = field;
                let sentence = sentence(visibility, field);
                let sentence = sentence.map(|sentence| quote!(#[doc = #sentence]));
                quote! {
                    #sentence
                    #(#docs)*
                    #visibility #name: #ty,
                }
            });
            quote!(#visibility struct #name { #(#fields)* })
        }
        Shape::Whole(ty) => whole_struct(payload, ty),
    };
    let derives = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    quote! {
        #(#shared)*
        #(#attributes)*
        #[doc = " The payload of a job with a mistake."]
        #derives
        #item
    }
}

fn fields_struct(payload: &Payload, fields: &[Field], derives_schema: bool) -> TokenStream {
    let Payload {
        name, visibility, ..
    } = payload;
    let fields = fields.iter().map(|field| {
        let Field {
            name,
            ty,
            docs,
            attributes,
            ..
        } = field;
        // The schema gets no description from this sentence.
        let undescribed = derives_schema.then(|| quote!(#[schemars(description = "")]));
        let sentence =
            sentence(visibility, field).map(|sentence| quote!(#[doc = #sentence] #undescribed));
        let attributes = attributes.iter();
        let attributes = attributes.filter(|a| derives_schema || !a.path().is_ident("schemars"));
        let default = serde_default(payload, field);
        let visibility = located_at(visibility, name);
        quote! {
            #sentence
            #(#docs)*
            #(#attributes)*
            #default
            #visibility #name: #ty,
        }
    });
    quote! {
        #visibility struct #name {
            #(#fields)*
        }
    }
}

/// Generates the wrapper of an existing type. Jobs may share the type; each one has a wrapper.
fn whole_struct(payload: &Payload, ty: &Type) -> TokenStream {
    let Payload {
        name, visibility, ..
    } = payload;
    let docs = is_exported(visibility).then(|| quote!(#[doc = " The whole payload."]));
    quote! {
        #visibility struct #name(#docs #visibility #ty);
    }
}

/// The docs that the lint `missing_docs` wants for a field without docs.
fn sentence(visibility: &Visibility, field: &Field) -> Option<String> {
    let undocumented = is_exported(visibility) && !field.docs.iter().any(is_doc);
    undocumented.then(|| format!(" The argument `{}`.", field.name.unraw()))
}

/// The visibility at the place of a field, where the compiler reports a type less visible than it.
fn located_at(visibility: &Visibility, field: &Ident) -> Visibility {
    let mut visibility = visibility.clone();
    let token = match &mut visibility {
        Visibility::Public(token) => &mut token.span,
        Visibility::Restricted(restricted) => &mut restricted.pub_token.span,
        Visibility::Inherited => return visibility,
    };
    *token = token.located_at(field.span());
    visibility
}

fn is_exported(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Generates `, rename_all = "…", deny_unknown_fields`.
fn container_options(payload: &Payload) -> TokenStream {
    let rename_all = payload.rename_all.as_ref();
    let rename_all = rename_all.map(|rule| quote!(, rename_all = #rule));
    let deny_unknown = payload.deny_unknown;
    let deny_unknown = deny_unknown.then(|| quote!(, deny_unknown_fields));
    quote!(#rename_all #deny_unknown)
}

fn serde_default(payload: &Payload, field: &Field) -> Option<TokenStream> {
    match field.initial {
        Some(Initial::Written(_)) => {
            let path = format!("{}::{}", payload.name, default_name(&field.name));
            Some(quote!(#[serde(default = #path)]))
        }
        _ => None,
    }
}

/// Returns the value of serde's and schemars' `crate = "…"`: applications need neither crate.
fn crate_path(outline: &Outline, name: &str) -> LitStr {
    let path = format!("{}::{name}", bounds::private_path(outline));
    LitStr::new(&path, Span::call_site())
}
