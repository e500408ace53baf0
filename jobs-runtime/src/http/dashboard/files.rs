//! The embedded files of the dashboard, with their media types, hashes and compressed forms.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// A file of the folder `dashboard/`.
pub(super) struct File {
    /// The path below the folder.
    path: &'static str,
    content: &'static str,
    served: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
}

/// Embeds files of the folder `dashboard/`.
macro_rules! embedded {
    ($($path:literal,)*) => {
        const COUNT: usize = [$($path),*].len();

        /// Every file that the dashboard loads, sorted by path.
        static FILES: [File; COUNT] = [$(File {
            path: $path,
            content: include_str!(concat!("../../../dashboard/", $path)),
            served: OnceLock::new(),
            compressed: OnceLock::new(),
        },)*];
    };
}

embedded! {
    "app.js",
    "icon.svg",
    "lib/acts.js",
    "lib/api.js",
    "lib/attention.js",
    "lib/bulk_words.js",
    "lib/clipboard.js",
    "lib/commands.js",
    "lib/cron_words.js",
    "lib/data.js",
    "lib/dom.js",
    "lib/explain.js",
    "lib/failure_groups.js",
    "lib/format.js",
    "lib/json.js",
    "lib/keys.js",
    "lib/listing.js",
    "lib/live.js",
    "lib/notices.js",
    "lib/policy.js",
    "lib/router.js",
    "lib/schema.js",
    "lib/session.js",
    "lib/storage.js",
    "lib/theme.js",
    "lib/throughput.js",
    "parts/attempts.js",
    "parts/audit.js",
    "parts/bulk.js",
    "parts/chart.js",
    "parts/charts.js",
    "parts/copying.js",
    "parts/created_token.js",
    "parts/dialog.js",
    "parts/difference.js",
    "parts/edit_execution.js",
    "parts/edit_schedule.js",
    "parts/ended.js",
    "parts/execution_table.js",
    "parts/facts.js",
    "parts/failure_detail.js",
    "parts/family.js",
    "parts/field.js",
    "parts/field_array.js",
    "parts/field_object.js",
    "parts/field_scalar.js",
    "parts/field_union.js",
    "parts/filters.js",
    "parts/frame.js",
    "parts/handler.js",
    "parts/history_strip.js",
    "parts/icons.js",
    "parts/job_stats.js",
    "parts/json_view.js",
    "parts/key_help.js",
    "parts/labelled.js",
    "parts/lazy.js",
    "parts/limit_queue.js",
    "parts/limits.js",
    "parts/limits_in_use.js",
    "parts/log_view.js",
    "parts/next_times.js",
    "parts/operation_dialog.js",
    "parts/operations.js",
    "parts/palette.js",
    "parts/pause_queue.js",
    "parts/payload_form.js",
    "parts/queue_bar.js",
    "parts/raw_json.js",
    "parts/recent.js",
    "parts/schedule_state.js",
    "parts/sign_in.js",
    "parts/sparkline.js",
    "parts/states.js",
    "parts/status.js",
    "parts/store_size.js",
    "parts/table.js",
    "parts/time.js",
    "parts/timeline.js",
    "parts/tokens.js",
    "parts/trends.js",
    "parts/trigger.js",
    "parts/views.js",
    "parts/window_choice.js",
    "screens/execution.js",
    "screens/executions.js",
    "screens/failures.js",
    "screens/index.js",
    "screens/job.js",
    "screens/jobs.js",
    "screens/overview.js",
    "screens/queues.js",
    "screens/schedule.js",
    "screens/schedules.js",
    "screens/system.js",
    "style/base.css",
    "style/parts.css",
    "style/screens.css",
    "style/shell.css",
    "style/tables.css",
    "style/tokens.css",
    "theme.js",
    "vendor/hooks.js",
    "vendor/htm.js",
    "vendor/preact.js",
    "vendor/signals-core.js",
    "vendor/signals.js",
}

impl File {
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path == path)
    }

    pub(super) fn media_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The content that browsers get: own scripts without their comments.
    pub(super) fn served(&self) -> Bytes {
        let bytes = self.served.get_or_init(|| {
            if self.path.ends_with(".js") && !self.path.starts_with("vendor/") {
                without_comments(self.content).into()
            } else {
                Bytes::from_static(self.content.as_bytes())
            }
        });
        bytes.clone()
    }

    /// The same as gzip, compressed at the first call.
    pub(super) fn compressed(&self) -> Bytes {
        let bytes = self.compressed.get_or_init(|| gzip(&self.served()));
        bytes.clone()
    }
}

/// Leaves out a script's `/** … */` comments, which carry its types, and lines that are comments or
/// empty. They are a seventh of the compressed scripts.
fn without_comments(script: &str) -> String {
    let mut code = String::with_capacity(script.len());
    let mut rest = script;
    while let Some((before, comment)) = rest.split_once("/**") {
        code.push_str(before);
        let after = comment.split_once("*/").map_or("", |(_, after)| after);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    code.push_str(rest);
    let lines = code.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Compresses bytes. Writing to memory cannot fail; the result of a failure would be empty.
fn gzip(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(content);
    written
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
        .into()
}

/// The hash of all files: the version in the addresses of the files.
///
/// One version for all, so a page never combines modules of two programs.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let parts: Vec<_> = FILES
            .iter()
            .flat_map(|file| [file.path, file.content])
            .collect();
        hash(&parts)
    })
}

/// The hash of some texts, in hexadecimal digits.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{FILES, without_comments};

    /// Files of the folder that no browser loads.
    fn is_other(path: &str) -> bool {
        path == "index.html" || path.ends_with(".md") || path.ends_with(".LICENSE")
    }

    fn collect(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
            let entry = entry.expect("an entry can be read");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), found);
            } else if !is_other(&name) {
                found.insert(name);
            }
        }
    }

    #[test]
    fn scripts_are_served_without_comments() {
        let script = "// A module.\nlet a = /** @type {any} */ (1);\n\n/**\n * @param b\n */\n  \
                      // why\n  run(a);\n";
        assert_eq!(without_comments(script), "let a = (1);\n  run(a);");
    }

    #[test]
    fn the_list_has_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut found = BTreeSet::new();
        collect(&folder, "", &mut found);
        let listed: Vec<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(listed, found.into_iter().collect::<Vec<_>>());
    }
}
