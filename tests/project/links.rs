//! Links between pages, and paths that pages name, lead somewhere.

use std::path::Path;

use crate::common::root;
use crate::markdown::{Page, code_spans, pages};

/// Paths begin with one of these where a page names a file of the repository.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "shaders/", "docs/", "benches/", "examples/", "scripts/", "data/"];

#[test]
fn links_resolve() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut checked = 0;
    for page in &pages {
        for target in page.prose().flat_map(link_targets) {
            checked += 1;
            if let Err(problem) = resolve(page, &target, &pages) {
                broken.push(format!("{}: {target}: {problem}", page.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 50, "{checked} links");
}

#[test]
fn broken_links_are_found() {
    let page = |path: &str, text: &str| Page { path: path.to_owned(), text: text.to_owned() };
    let pages = [page("docs/a.md", "# One\n## Two words\n## One\n"), page("README.md", "# Top\n")];
    let resolves = |target: &str| resolve(&pages[0], target, &pages);
    for target in
        ["#one", "#one-1", "#two-words", "../README.md", "../README.md#top", "https://example.org/x"]
    {
        assert_eq!(resolves(target), Ok(()), "{target}");
    }
    for target in ["#three", "#one-2", "missing.md", "../README.md#one", "http://example.org"] {
        assert!(resolves(target).is_err(), "{target}");
    }
    let targets: Vec<_> = link_targets("see [a](b.md), `[no](x)` and ![c](d.png)[e](f)").collect();
    assert_eq!(targets, ["b.md", "d.png", "f"]);
}

#[test]
fn files_that_pages_name_exist() {
    let mut missing = Vec::new();
    for page in pages() {
        for path in page.prose().flat_map(code_spans).filter(|span| is_path(span)) {
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", page.path));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Whether a code span is the path of one file or folder, not a pattern or a command.
fn is_path(span: &str) -> bool {
    FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '*', '{', '…', ','])
}

/// What the links and images of a line point to.
fn link_targets(line: &str) -> impl Iterator<Item = String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets: Vec<_> = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).collect();
    targets.into_iter().map(|(target, _)| target.to_owned()).collect::<Vec<_>>().into_iter()
}

fn resolve(page: &Page, target: &str, pages: &[Page]) -> Result<(), String> {
    if target.starts_with("https://") {
        return Ok(());
    }
    if target.contains("://") {
        return Err("expected https".to_owned());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.path.clone() } else { relative(&page.path, file) };
    let linked = pages.iter().find(|page| page.path == path);
    match linked {
        Some(linked) if !anchor.is_empty() && !linked.anchors().iter().any(|own| own == anchor) => {
            Err(format!("no such heading in {path}"))
        }
        None if !root().join(&path).exists() => Err(format!("{path} does not exist")),
        None if !anchor.is_empty() => Err(format!("{path} is not a page")),
        _ => Ok(()),
    }
}

/// `target`, seen from the folder of `page`, as a path from the root.
fn relative(page: &str, target: &str) -> String {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
