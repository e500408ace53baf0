//! The page of every screen: the template with its addresses and the settings of the instance.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::Uri;

use super::files;
use crate::http::config::DashboardConfig;

/// The page that every screen starts from; it is a template.
const TEMPLATE: &str = include_str!("../../../dashboard/index.html");

/// The files that the first screen needs, sorted by path.
const PRELOADED: &[&str] = &[
    "lib/api.js",
    "lib/clipboard.js",
    "lib/commands.js",
    "lib/data.js",
    "lib/dom.js",
    "lib/format.js",
    "lib/json.js",
    "lib/keys.js",
    "lib/live.js",
    "lib/notices.js",
    "lib/router.js",
    "lib/session.js",
    "lib/storage.js",
    "lib/theme.js",
    "parts/copying.js",
    "parts/dialog.js",
    "parts/frame.js",
    "parts/icons.js",
    "parts/key_help.js",
    "parts/palette.js",
    "parts/sign_in.js",
    "parts/states.js",
    "parts/time.js",
    "screens/index.js",
    "vendor/hooks.js",
    "vendor/htm.js",
    "vendor/preact.js",
    "vendor/signals-core.js",
    "vendor/signals.js",
];

/// The page, without its base.
#[derive(Clone, Debug)]
pub(super) struct Page(Arc<str>);

impl Page {
    /// Fills the template with the addresses of the files and the settings.
    pub(super) fn new(config: &DashboardConfig) -> Self {
        let assets = format!("dashboard/assets/{}", files::version());
        let preload: String = PRELOADED
            .iter()
            .map(|path| format!("<link rel=\"modulepreload\" href=\"{assets}/{path}\">\n"))
            .collect();
        let page = TEMPLATE
            .replace("{preload}", &preload)
            .replace("{assets}", &assets)
            .replace("{settings}", &attributes(config));
        Self(page.into())
    }

    /// The page at an address. Its base is the root of the interface, relative to the address.
    pub(super) fn at(&self, uri: &Uri) -> String {
        let base = match uri.path().matches('/').count().saturating_sub(1) {
            0 => "./".to_owned(),
            depth => "../".repeat(depth),
        };
        self.0.replace("{base}", &base)
    }
}

/// The settings as attributes of the root element, where scripts read them.
fn attributes(config: &DashboardConfig) -> String {
    let hue = config.hue.map(|hue| hue.to_string());
    let mut attributes = String::new();
    for (name, value) in [
        ("instance", &config.instance),
        ("hue", &hue),
        ("trace", &config.trace_link),
    ] {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(attributes, " data-{name}=\"{}\"", escape(value));
        }
    }
    attributes
}

/// Escapes a text for an attribute. A brace could name a place of the template.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '{' | '}' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &'static str) -> String {
        Page::new(&DashboardConfig::default()).at(&Uri::from_static(path))
    }

    #[test]
    fn the_page_names_the_root_of_the_interface_from_every_depth() {
        assert!(at("/dashboard").contains("<base href=\"./\">"));
        assert!(at("/dashboard/jobs/a").contains("<base href=\"../../\">"));
        assert!(!at("/dashboard/").contains('{'), "{}", at("/dashboard/"));
    }

    #[test]
    fn the_page_preloads_files_that_exist() {
        for path in PRELOADED {
            assert!(files::File::find(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_settings_cannot_leave_their_attributes() {
        let config = DashboardConfig {
            instance: Some("\"><script>{base}".to_owned()),
            hue: Some(25),
            trace_link: None,
        };
        let page = Page::new(&config).at(&Uri::from_static("/dashboard/"));
        let root = "data-instance=\"&#34;&#62;&#60;script&#62;&#123;base&#125;\" data-hue=\"25\"";
        assert!(page.contains(root), "{page}");
    }
}
