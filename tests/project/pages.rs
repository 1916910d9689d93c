//! The form of README.md, the changelog and the manual's index.

use crate::markdown::{Page, manual, pages};

const README_LINES: usize = 250;
const COLUMNS: usize = 100;

#[test]
fn readme_is_short() {
    let lines = Page::read("README.md").text.lines().count();
    assert!(lines <= README_LINES, "{lines} lines, expected at most {README_LINES}");
}

#[test]
fn changelog_keeps_to_its_format() {
    let changelog = Page::read("CHANGELOG.md");
    let headings: Vec<_> = changelog.prose().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings[..2], ["# Changelog", "## [Unreleased]"]);
    let kinds = ["### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security"];
    for section in headings[1..].split(|heading| heading.starts_with("## [")) {
        let positions: Vec<_> = (section.iter())
            .map(|heading| {
                kinds.iter().position(|kind| kind == heading).unwrap_or_else(|| panic!("{heading}"))
            })
            .collect();
        assert!(positions.is_sorted_by(|a, b| a < b), "out of order: {section:?}");
    }
}

#[test]
fn index_lists_every_page_of_the_manual() {
    let index = Page::read("docs/README.md").text;
    for page in manual() {
        if let Some(path) = page.path.strip_prefix("docs/").filter(|path| *path != "README.md") {
            assert!(index.contains(&format!("({path})")), "docs/README.md does not link to {path}");
        }
    }
}

/// Tables, headings, links and images may be longer.
#[test]
fn prose_is_wrapped() {
    let is_free =
        |line: &str| line.trim_start().starts_with(['|', '#', '!', '[', '<']) || !line.trim().contains(' ');
    for page in pages() {
        for line in page.prose().filter(|line| !is_free(line)) {
            let columns = line.chars().count();
            assert!(columns <= COLUMNS, "{}: {columns} columns: {line}", page.path);
        }
    }
}
