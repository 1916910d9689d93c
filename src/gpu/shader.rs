//! WGSL sources: the files of `shaders/`, concatenated into one source per kernel.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fusion::{self, PART_SAMPLES};
use super::immediates;
use super::table::NOWHERE;
use crate::model::{Activation, LAYER_NORM_EPSILON, Loss, Optimizer};
use crate::{Error, Result, Setting};

/// Name without `.wgsl` and text of every file of `shaders/`. `build.rs` writes the table.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// Source files of the kernels.
#[derive(Clone)]
pub(super) struct Shaders(BTreeMap<&'static str, Cow<'static, str>>);

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
        texts.chain([&constants()[..]]).collect()
    }
}

/// WGSL constants: the codes of activation functions, loss functions and optimizers, the flags of thin layers and
/// micro-batches, and values that the host uses too.
fn constants() -> String {
    let activations = Activation::ALL.map(|activation| (activation.name(), activation as u32));
    let losses = Loss::ALL.map(|loss| (loss.name(), loss as u32));
    let optimizers = Optimizer::ALL.map(|optimizer| (optimizer.name(), optimizer as u32));
    let codes =
        activations.into_iter().chain(losses).chain(optimizers).chain(fusion::FLAGS).chain(immediates::FLAGS);
    let codes = codes.map(|(name, code)| format!("const {} = {code}u;\n", constant_name(name)));
    let leak = format!("const LEAK = {:?};\n", Activation::LEAK);
    let epsilon = format!("const LAYER_NORM_EPSILON = {LAYER_NORM_EPSILON:?};\n");
    let of_table = format!("const NOWHERE = {NOWHERE}u;\nconst PART_SAMPLES = {PART_SAMPLES}u;\n");
    codes.chain([leak, epsilon, of_table]).collect()
}

/// `LEAKY_RELU` for `leaky-relu`.
fn constant_name(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
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
    fn constants_have_one_value_each() {
        let constants = constants();
        let names: Vec<_> = constants.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{constants}");
        assert!(constants.contains("const LEAKY_RELU = 3u;\n") && constants.contains("const LEAK = 0.01;\n"));
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders")).unwrap();
        assert_eq!(folder.count(), FILES.len());
    }
}
