//! The project's Markdown files, as far as tests read them.

use std::fs;
use std::path::Path;

use crate::common::root;

/// A Markdown file of the project.
pub struct Page {
    /// Path from the project's root, with `/`.
    pub path: String,
    pub text: String,
}

impl Page {
    pub fn read(path: &str) -> Page {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Page { path: path.to_owned(), text }
    }

    /// Lines outside code blocks.
    pub fn prose(&self) -> impl Iterator<Item = &str> {
        let mut in_code = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            in_code ^= is_fence;
            !in_code && !is_fence
        })
    }

    /// Code blocks of this language.
    pub fn blocks(&self, language: &str) -> Vec<&str> {
        let fence = format!("```{language}\n");
        let starts = self.text.match_indices(&fence).map(|(at, _)| at + fence.len());
        starts.map(|start| self.text[start..].split("\n```").next().unwrap_or_default()).collect()
    }

    /// Anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for heading in self.prose().filter(|line| line.starts_with('#')) {
            let slug = slug(heading.trim_start_matches('#').trim());
            let numbered = (1..).map(|number| format!("{slug}-{number}"));
            let free = std::iter::once(slug.clone()).chain(numbered).find(|anchor| !anchors.contains(anchor));
            anchors.extend(free);
        }
        anchors
    }
}

/// Every page of the manual and every README, except those in folders that git ignores.
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    paths.iter().map(|path| Page::read(path)).collect()
}

/// The pages whose commands are run: README.md and the manual.
pub fn manual() -> Vec<Page> {
    let mut pages = pages();
    pages.retain(|page| page.path == "README.md" || page.path.starts_with("docs/"));
    pages
}

/// Spans in backticks of one line.
pub fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn collect(folder: &Path, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || ["target", "node_modules", "shared"].contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths);
        } else if name.ends_with(".md") {
            let relative = path.strip_prefix(root()).unwrap();
            paths.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

fn slug(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}
