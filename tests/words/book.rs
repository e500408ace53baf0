//! The book: its table of contents names every page, and every link leads to a file.

use std::collections::BTreeSet;
use std::path::Path;

use super::files;

#[test]
fn the_table_of_contents_names_every_page() {
    let docs = files::root().join("docs");
    let contents = std::fs::read_to_string(docs.join("SUMMARY.md")).expect("the contents");
    let named: BTreeSet<String> = targets(&contents).into_iter().collect();
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(docs).expect("the folder of the pages") {
        let name = entry.expect("a file").file_name();
        let name = name.to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "SUMMARY.md" && !named.contains(&name) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/SUMMARY.md lacks {missing:?}");
}

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    let pages = files::all().into_iter();
    let pages = pages.filter(|file| {
        let is_page = file.path.starts_with("docs/") || !file.path.contains('/');
        is_page && file.has_extension("md")
    });
    let mut count = 0;
    for page in pages {
        let folder = files::root().join(&page.path);
        let folder = folder.parent().unwrap_or(Path::new(""));
        for target in targets(&page.text) {
            count += 1;
            if !folder.join(&target).exists() {
                broken.push(format!("{}: {target}", page.path));
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
    assert!(
        broken.is_empty(),
        "these links lead to no file:\n{}",
        broken.join("\n")
    );
}

/// The files that the links of a page name, without anchors. Addresses on the web are left out.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let links = line.split("](").skip(1).filter(|_| !is_code);
        let links = links.filter_map(|rest| rest.split([')', '#']).next());
        let is_file = |link: &&str| !link.is_empty() && !link.contains("://");
        found.extend(links.filter(is_file).map(str::to_owned));
    }
    found
}
