use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::{Error, Result};

macro_rules! shader {
    ($name:literal) => {
        ($name, include_str!(concat!("../../shaders/", $name, ".wgsl")))
    };
}

/// Every file of `shaders/`, by its name without `.wgsl`.
const FILES: [(&str, &str); 38] = [
    shader!("activation"),
    shader!("chain"),
    shader!("chain_lanes"),
    shader!("chain_optimize"),
    shader!("chain_subgroup"),
    shader!("chain_update"),
    shader!("delta"),
    shader!("fault"),
    shader!("forward"),
    shader!("gather"),
    shader!("gradient"),
    shader!("layer"),
    shader!("layer_norm"),
    shader!("layer_norm_delta"),
    shader!("left_f32"),
    shader!("left_vec4"),
    shader!("loss"),
    shader!("losses"),
    shader!("metrics"),
    shader!("nan"),
    shader!("norm"),
    shader!("optimize"),
    shader!("step_params"),
    shader!("partials"),
    shader!("product"),
    shader!("product_blocks"),
    shader!("product_shared"),
    shader!("product_subgroup"),
    shader!("right_f32"),
    shader!("right_vec4"),
    shader!("rule"),
    shader!("sample"),
    shader!("scale"),
    shader!("score"),
    shader!("step"),
    shader!("subgroup"),
    shader!("tally"),
    shader!("update"),
];

/// The texts that kernels are made of.
#[derive(Clone)]
pub(super) struct Shaders(BTreeMap<&'static str, Cow<'static, str>>);

impl Default for Shaders {
    fn default() -> Self {
        Shaders(FILES.into_iter().map(|(name, text)| (name, Cow::Borrowed(text))).collect())
    }
}

impl Shaders {
    /// These, with another text in the place of `file`.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such file.
    pub fn with(mut self, file: &str, text: String) -> Result<Self> {
        match self.0.get_mut(file) {
            Some(held) => *held = Cow::Owned(text),
            None => {
                let names: Vec<_> = self.0.keys().copied().collect();
                let problem = format!("found '{file}', expected one of: {}", names.join(", "));
                return Err(Error::usage("shader", problem));
            }
        }
        Ok(self)
    }

    /// The texts of `files`, one after the other.
    pub fn concat(&self, files: &[&str]) -> String {
        files.iter().map(|&file| self.0.get(file).map_or("", |text| text.as_ref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_there_are_can_be_replaced() {
        let shaders = Shaders::default().with("nan", "// mine\n".to_owned()).unwrap();
        assert!(shaders.concat(&["nan", "metrics"]).starts_with("// mine\n// What a pass adds up"));
        let refused = Shaders::default().with("nonsense", String::new()).map(|_| ());
        assert!(refused.unwrap_err().to_string().contains("activation, chain"));
    }

    #[test]
    fn every_file_is_here() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders")).unwrap();
        assert_eq!(folder.count(), FILES.len());
    }
}
