//! A check of the documentation: the tests that it names exist.

/// Every name in the last column of the table of outcomes is a test of this suite.
#[test]
fn the_table_of_outcomes_names_tests_that_exist() {
    let sources = [
        include_str!("children.rs"),
        include_str!("enqueue.rs"),
        include_str!("expiry.rs"),
        include_str!("outcomes.rs"),
        include_str!("poison_rows.rs"),
        include_str!("rates.rs"),
        include_str!("shutdown.rs"),
        include_str!("stuck_handlers.rs"),
        include_str!("succeed_in.rs"),
        include_str!("unreadable_payloads.rs"),
        include_str!("virtual_clock.rs"),
    ]
    .concat();
    let table = include_str!("../../docs/outcomes.md");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut checked = 0;
    for row in rows {
        let shown_by = row
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap_or_default();
        let names = shown_by.split('`').skip(1).step_by(2);
        for name in names.filter(|name| !name.contains('/')) {
            assert!(
                sources.contains(&format!("fn {name}(")),
                "no test `{name}`: {row}"
            );
            checked += 1;
        }
    }
    assert!(checked >= 20, "{checked} names");
}
