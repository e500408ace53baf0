//! Doc comments of all kinds: the first line is the label, the whole text the description.

use jobs::{JobError, job};

use crate::support::{linked, schema};

/** Written as a block.

With an indented line. */
#[job(id = "docs.block")]
async fn block() -> Result<(), JobError> {
    Ok(())
}

/**
 * Written as a block with stars.
 *
 * As in other languages.
 */
#[job(id = "docs.stars")]
async fn stars() -> Result<(), JobError> {
    Ok(())
}

#[doc = "Written as an attribute."]
#[doc(alias = "post")]
#[job(id = "docs.attribute")]
async fn attribute() -> Result<(), JobError> {
    Ok(())
}

#[doc = concat!("Put ", "together.")]
#[job(id = "docs.concat")]
async fn concatenated() -> Result<(), JobError> {
    Ok(())
}

#[doc = include_str!("docs.md")]
#[job(id = "docs.included")]
async fn included() -> Result<(), JobError> {
    Ok(())
}

/// Above the attribute.
#[job(id = "docs.around")]
/// Below it, with "quotes", a \ and a `{brace}`.
async fn around() -> Result<(), JobError> {
    Ok(())
}

#[job(id = "docs.none")]
async fn undocumented(
    /** What is *meant*. */
    meant: u8,
    #[doc = concat!("Also ", "documented.")] also: u8,
) -> Result<(), JobError> {
    let _ = (meant, also);
    Ok(())
}

#[test]
fn every_kind_of_doc_comment_becomes_label_and_description() {
    fn label_and_description<J: jobs::Job>() -> (String, String) {
        let job = linked::<J>().descriptor().clone();
        (job.label, job.description)
    }
    let expect = |label: &str, description: &str| (label.to_owned(), description.to_owned());
    assert_eq!(
        label_and_description::<Block>(),
        expect(
            "Written as a block",
            "Written as a block.\n\nWith an indented line."
        )
    );
    assert_eq!(
        label_and_description::<Stars>(),
        expect(
            "Written as a block with stars",
            "Written as a block with stars.\n\nAs in other languages."
        )
    );
    assert_eq!(
        label_and_description::<Attribute>(),
        expect("Written as an attribute", "Written as an attribute.")
    );
    assert_eq!(
        label_and_description::<Concatenated>(),
        expect("Put together", "Put together.")
    );
    assert_eq!(
        label_and_description::<Included>(),
        expect("From a file", "From a file.\n\n* with a list")
    );
    assert_eq!(
        label_and_description::<Around>(),
        expect(
            "Above the attribute",
            "Above the attribute.\nBelow it, with \"quotes\", a \\ and a `{brace}`."
        )
    );
    assert_eq!(
        label_and_description::<Undocumented>(),
        expect("Docs none", "")
    );
}

#[test]
fn the_schema_has_the_same_description() {
    let description = &schema::<Stars>()["description"];
    let text = description.as_str().expect("a text");
    assert!(
        text.starts_with("Written as a block with stars.\n\nAs in other languages."),
        "{text}"
    );
}

#[test]
fn docs_of_arguments_describe_their_fields() {
    let properties = &schema::<Undocumented>()["properties"];
    assert_eq!(properties["meant"]["description"], "What is *meant*.");
    assert_eq!(properties["also"]["description"], "Also documented.");
}
