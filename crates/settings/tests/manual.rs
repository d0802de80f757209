//! `docs/configuration.md` holds the table that the server reads.

use std::path::Path;

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->";

/// With `UPDATE_DOCS=1` the page is written anew.
#[test]
fn the_manual_lists_every_setting_as_the_table_has_it() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(&page).expect("docs/configuration.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin mark");
    let (listed, after) = rest.split_once(END).expect("the end mark");
    let table = settings::table_as_markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}{table}\n{END}{after}")).expect("written");
        return;
    }
    assert!(
        listed.trim() == table.trim(),
        "docs/configuration.md is behind the table of settings; run `UPDATE_DOCS=1 cargo test -p settings --test manual`"
    );
}
