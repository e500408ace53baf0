//! Golden expansions of `#[job]`.

use super::golden;

#[test]
fn provision_member() {
    golden(
        "provision_member",
        r#"
        /// Creates a member of a workspace.
        #[job(id = "provision-member", timeout = "5m", retries = [30, 60, 120], rename_all = "camelCase")]
        pub async fn provision_member(
            ctx: &JobContext,
            db: &WorkspaceDb,
            workspace_id: String,
            subject: String,
            #[default("member")] role: String,
        ) -> Result<ProvisionedMember, JobError> {
            ctx.progress(10, "inserting");
            Ok(db.insert_member(&workspace_id, &subject, &role).await?)
        }
        "#,
    );
}

#[test]
fn no_arguments() {
    golden(
        "no_arguments",
        r#"
        #[job(id = "health-check")]
        async fn health_check() -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn blocking_function() {
    golden(
        "blocking_function",
        r#"
        /// Hashes a file.
        #[job(id = "files.hash")]
        pub fn hash_file(ctx: &JobContext, path: PathBuf) -> Result<Digest, JobError> {
            ctx.check()?;
            hash(&path)
        }
        "#,
    );
}

#[test]
fn external_job() {
    golden(
        "external_job",
        r#"
        /// Converts a STEP file to STL. Executed by the Python CAD workers.
        #[job(id = "cad.conversion.process", timeout = "10m", retries = [60, 120])]
        pub async fn convert_cad(file_id: Uuid, format: MeshFormat) -> Result<Converted, JobError>;
        "#,
    );
}

#[test]
fn whole_payload() {
    golden(
        "whole_payload",
        r#"
        /// Processes an order.
        #[job(id = "orders.process")]
        pub(crate) async fn process_order(
            shop: &Shop,
            #[payload] order: Order,
        ) -> Result<Receipt, ShopError> {
            shop.process(order).await
        }
        "#,
    );
}

#[test]
fn unsized_resource() {
    golden(
        "unsized_resource",
        r#"
        #[job(id = "greet")]
        async fn greet(greeter: &(dyn Greeter + Send + Sync), name: String) -> Result<String, JobError> {
            Ok(greeter.greet(&name))
        }
        "#,
    );
}

#[test]
fn every_default_is_shared_by_serde_and_new() {
    golden(
        "defaults",
        r#"
        #[job(id = "report")]
        pub async fn report(
            #[default(Format::Pdf)] format: Format,
            #[default(3)] copies: u32,
            #[default(None)] note: Option<String>,
            title: String,
        ) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn field_attributes() {
    golden(
        "field_attributes",
        r#"
        #[job(id = "sign-in", rename_all = "camelCase", deny_unknown, derive(Debug, Clone))]
        pub async fn sign_in(
            /// The address of the user.
            #[schemars(email)]
            user: String,
            #[sensitive] api_token: String,
            #[sensitive] #[serde(rename = "pin")] pin_code: String,
        ) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn every_option() {
    golden(
        "every_option",
        r#"
        #[job(
            id = "mail.send",
            aliases = ["send-mail", "mail.deliver"],
            label = "Mail",
            timeout = "1h30m",
            retries = ["500ms", "1m"],
            max_attempts = 5,
            priority = "high",
            queue = "mail",
            routing_key = "letters.send",
            tags = ["outbound"],
            payload = Mail,
            enabled = false,
            upcast = from_older_versions,
        )]
        pub async fn send_mail(to: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn limits() {
    golden(
        "limits",
        r#"
        #[job(
            id = "docs.render",
            rename_all = "camelCase",
            max_concurrent = (5, per = "workspace_id", weights = ["acme:4"]),
            rate_limit = "60/min",
            unique = (by = ["workspace_id", "doc_id"], within = "10m", on_conflict = "replace", live = ["pending", "queued"]),
            debounce = ("30s", by = ["workspace_id", "doc_id"], at_most = "5m"),
            max_waiting = 10_000,
        )]
        pub async fn render_doc(workspace_id: String, doc_id: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn exponential_retries() {
    golden(
        "exponential_retries",
        r#"
        #[job(
            id = "poll",
            timeout = "none",
            priority = 70,
            retries = exponential(base = "10s", factor = 2, max = "1h", count = 10, jitter = 0.1),
        )]
        async fn poll(url: Url) -> Result<Page, JobError> {
            fetch(url).await
        }
        "#,
    );
}

#[test]
fn no_retries() {
    golden(
        "no_retries",
        r#"
        #[job(id = "once", retries = 0)]
        async fn once() -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn counted_retries() {
    golden(
        "counted_retries",
        r#"
        #[job(id = "often", retries = 5)]
        async fn often() -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn renamed_crate() {
    golden(
        "renamed_crate",
        r#"
        #[job(id = "tick", crate = crate::reexported::jobs)]
        async fn tick(#[default(1)] by: u8) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn conditional_compilation() {
    golden(
        "conditional_compilation",
        r#"
        #[job(id = "windows-only")]
        #[cfg(windows)]
        #[tracing::instrument(skip_all)]
        pub async fn windows_only(path: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn unused_arguments() {
    golden(
        "unused_arguments",
        r#"
        #[job(id = "unused")]
        async fn unused(_: &JobContext, _dry_run: bool, r#type: Kind) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn long_docs() {
    golden(
        "long_docs",
        r#"
        /// Sends a letter.
        ///
        /// * By post, which takes days:
        ///
        ///       stamp(letter)
        ///
        /// * Or not at all.
        #[job(id = "send-letter")]
        pub async fn send_letter(to: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn included_docs() {
    golden(
        "included_docs",
        r#"
        #[doc = include_str!("archive.md")]
        #[job(id = "archive")]
        pub async fn archive(path: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn raw_identifiers() {
    golden(
        "raw_identifiers",
        r##"
        #[job(id = "match", rename_all = "camelCase")]
        pub async fn r#match(
            #[sensitive] r#type: String,
            #[default(false)] r#final: bool,
        ) -> Result<(), JobError> {
            Ok(())
        }
        "##,
    );
}

#[test]
fn block_docs() {
    golden(
        "block_docs",
        r#"
        /** Archives a file.
         *
         * Takes its time. */
        #[job(id = "archive")]
        async fn archive(/** Where it is. */ path: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn restricted_visibility() {
    golden(
        "restricted_visibility",
        r#"
        #[job(id = "archive")]
        pub(in crate::files) async fn archive(path: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn generic_types() {
    golden(
        "generic_types",
        r#"
        #[job(id = "merge")]
        async fn merge(
            store: &Store<Postgres>,
            pages: Vec<Page<Item, 10>>,
            #[default(<Order as Default>::default())] order: Order,
        ) -> Answer<Page<<Store<Postgres> as Merging>::Item>> {
            store.merge(pages).await
        }
        "#,
    );
}

#[test]
fn deprecated_function() {
    golden(
        "deprecated_function",
        r#"
        #[deprecated = "use `send_mail`"]
        #[job(id = "mail.send-old")]
        pub async fn send_old_mail(to: String) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}

#[test]
fn optional_arguments() {
    golden(
        "optional_arguments",
        r#"
        #[job(id = "send-letter", derive(Default))]
        pub async fn send_letter(
            to: String,
            note: Option<String>,
            #[serde(default)] tags: Vec<String>,
            #[default(stamp())] stamp: u8,
        ) -> Result<(), JobError> {
            Ok(())
        }
        "#,
    );
}
