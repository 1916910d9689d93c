//! WGSL sources: the files of `shaders/`, concatenated into one source per kernel.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::shared;
use crate::{Error, Result, Setting};

/// Name without `.wgsl` and text of every file of `shaders/`. `build.rs` writes the table.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// Source files of the kernels.
#[derive(Clone)]
pub struct Shaders(BTreeMap<&'static str, Cow<'static, str>>);

impl Default for Shaders {
    fn default() -> Self {
        Shaders(FILES.iter().map(|&(name, text)| (name, Cow::Borrowed(text))).collect())
    }
}

impl Shaders {
    /// Replaces the text of `file`.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such file.
    pub fn with(mut self, file: &str, text: String) -> Result<Self> {
        if let Some(held) = self.0.get_mut(file) {
            *held = Cow::Owned(text);
            return Ok(self);
        }
        let names: Vec<_> = self.0.keys().copied().collect();
        Err(Error::usage(Setting::Shader, format!("found '{file}', expected one of: {}", names.join(", "))))
    }

    /// The texts of those of `files` that were replaced.
    pub fn replaced(&self, files: &[&str]) -> String {
        let texts = files.iter().filter_map(|&file| match self.0.get(file) {
            Some(Cow::Owned(text)) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Concatenates the texts of `files`, in this order, and the constants that they share with the host.
    pub fn concat(&self, files: &[&str]) -> String {
        let texts = files.iter().map(|&file| self.0.get(file).map_or("", |text| text.as_ref()));
        texts.chain([&shared::constants()[..]]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_files_can_be_replaced() {
        let shaders = Shaders::default().with("nan", "// mine\n".to_owned()).unwrap();
        assert!(shaders.concat(&["nan", "metrics"]).starts_with("// mine\n// Metrics of a pass"));
        let refused = Shaders::default().with("nonsense", String::new()).map(|_| ());
        assert!(refused.unwrap_err().to_string().contains("activation, chain"));
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders")).unwrap();
        assert_eq!(folder.count(), FILES.len());
    }
}
